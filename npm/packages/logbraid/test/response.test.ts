// Answers of servers, recorded ones among them: both backends read them alike, to the byte.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';

import { loadBackend } from '#dist/platform/node.js';

import type { ResponseContent, ResponseFormat } from '#dist/backend.js';

const SAMPLES = new URL('../../../../../tests/samples/', import.meta.url);

const backends = [loadBackend('native'), loadBackend('wasm')];
const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/** What the answers hold, one after the other, or the code and the message of why not; the same in both. */
function readAll(
  format: ResponseFormat,
  bodies: Uint8Array[],
  forgets?: bigint,
): (ResponseContent | string)[] {
  const [native, wasm] = backends.map((backend) => {
    const reader = new backend.ResponseReader({ format });
    return bodies.map((body) => {
      try {
        const content = reader.read(body);
        if (forgets !== undefined) reader.forget(forgets);
        return content;
      } catch (error) {
        assert.ok(error instanceof Error && 'code' in error, String(error));
        return `${String(error.code)}: ${error.message}`;
      }
    });
  });
  assert.ok(native && wasm);
  assert.deepStrictEqual(wasm, native);
  return wasm;
}

for (const server of ['loki', 'prometheus'] as const) {
  const names = readdirSync(new URL(`${server}/`, SAMPLES)).sort();

  test(`recorded answers of ${server}`, () => {
    assert.ok(names.length > 5);
    const bodies = names.map((name) => readFileSync(new URL(`${server}/${name}`, SAMPLES)));
    const read = readAll(server, bodies);
    let fresh = 0;
    for (const content of read) {
      if (typeof content === 'string') {
        assert.match(content, /^RESPONSE_INVALID: no answer of \w+ that can be used: /);
        continue;
      }
      const lines = decode(content.lines).split('\n').slice(0, -1);
      assert.equal(lines.length, content.fresh);
      for (const line of lines) {
        const { timestamp, labels } = JSON.parse(line) as Record<string, unknown>;
        assert.ok(typeof timestamp === 'string' && typeof labels === 'object', line);
      }
      fresh += content.fresh;
    }
    assert.ok(fresh > 10);
    // All at once is the same as one after the other, and nothing comes twice.
    const again = readAll(server, [...bodies, ...bodies]);
    assert.deepStrictEqual(again.slice(0, bodies.length), read);
    for (const content of again.slice(bodies.length)) {
      if (typeof content !== 'string') assert.equal(content.fresh, 0);
    }
  });
}

test('what an answer holds', () => {
  const frame =
    '{"streams":[{"stream":{"a":"1"},"values":[["1795207113133000001","two"],["1795207113133000000","one"]]}],' +
    '"dropped_entries":[{"timestamp":"1795207113132999999","labels":{}},{"timestamp":"1795207113133000007","labels":{}}]}';
  const [content, again, empty] = readAll(
    'loki',
    [frame, frame, '{"streams":[]}'].map(encode),
    1795207113133000000n,
  );
  const facts = {
    entries: 2,
    first: 1795207113133000000n,
    last: 1795207113133000001n,
    dropped: 2,
    droppedFrom: 1795207113132999999n,
    droppedTo: 1795207113133000007n,
  };
  const line = (time: string, message: string) =>
    `{"timestamp":"2026-11-20T20:38:33.${time}Z","message":"${message}","labels":{"a":"1"}}\n`;
  assert.deepStrictEqual(content, {
    ...facts,
    lines: encode(line('133000000', 'one') + line('133000001', 'two')),
    fresh: 2,
  });
  const rememberedFrom = 1795207113133000000n;
  assert.deepStrictEqual(again, { ...facts, lines: new Uint8Array(), fresh: 0, rememberedFrom });
  assert.deepStrictEqual(empty, {
    lines: new Uint8Array(),
    entries: 0,
    fresh: 0,
    rememberedFrom,
    dropped: 0,
  });
});

test('tables and messages of Graylog', () => {
  const table = 'timestamp,message,_id\n2026-11-20T21:20:08Z,"one\ntwo",a\n';
  const [content] = readAll('graylog-csv', [encode(table)]);
  assert.ok(typeof content === 'object');
  const line =
    '{"timestamp":"2026-11-20T21:20:08.000000000Z","message":"one\\ntwo","labels":{"_id":"a"}}\n';
  assert.equal(decode(content.lines), line);
  const message =
    '{"messages":[{"message":{"timestamp":"2026-11-20T21:20:08Z","message":"one\\ntwo","_id":"a"}}]}';
  const [legacy] = readAll('graylog', [encode(message)]);
  assert.ok(typeof legacy === 'object');
  assert.equal(decode(legacy.lines), line);
});

test('what is no answer is told with its place', () => {
  const [text, cut, binary] = readAll('loki', [
    encode('<html>502 Bad Gateway</html>'),
    encode('{"streams":['),
    Uint8Array.of(0x7b, 0xff),
  ]);
  assert.equal(
    text,
    'RESPONSE_INVALID: no answer of Loki that can be used: expected value at byte 0 (line 1, column 1); ' +
      'it is "<html>502 Bad Gateway</html>"',
  );
  assert.ok(typeof cut === 'string' && typeof binary === 'string');
  assert.match(cut, /: EOF while parsing a list at byte 12 \(line 1, column 13\); it is /);
  assert.match(binary, /: expected UTF-8 at byte 1 \(line 1, column 2\); it is "\{\ufffd"$/);
});

test('options that make no sense are refused', () => {
  for (const backend of backends) {
    assert.throws(() => new backend.ResponseReader({ format: 'tempo' } as never), {
      code: 'INVALID_ARGUMENT',
    });
  }
});
