import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { runInNewContext } from 'node:vm';

import { QueryError, complete, format, highlight, hover } from 'logbraid';

test('the examples of the query tools give what they say', () => {
  const source = readFileSync(new URL('../../src/query.ts', import.meta.url), 'utf8');
  const examples = [...source.matchAll(/^ \* (\w+\(.*); \/\/ (.*)$/gm)];
  assert.equal(examples.length, 4);
  for (const [, code = '', expected] of examples) {
    const given: unknown = runInNewContext(code, { format, complete, highlight, hover });
    assert.equal(String(given), expected, code);
  }
});

test('positions count UTF-16 units, on the way in and out', () => {
  const text = 'a({x="😀é"}) un';
  assert.equal(complete(text, text.length)[0]?.insert, 'unless');
  assert.deepEqual(complete(text, text.length)[0]?.span, { start: 13, end: 15 });
  const all = highlight(text).map(({ span }) => text.slice(span.start, span.end));
  assert.ok(all.includes('"😀é"'));
  assert.equal(hover(text.replace('un', 'unless'), 14)?.span.start, 13);
  assert.equal(hover('   ', 1), undefined);
});

test('completion offers what the host knows', () => {
  const vocabulary = { sources: [{ name: 'shop', labels: [{ name: 'app', values: ['cart'] }] }] };
  assert.ok(complete('sh', 2, vocabulary).some(({ insert }) => insert.startsWith('shop')));
  assert.ok(complete('shop({a', 7, vocabulary).some(({ label }) => label === 'app'));
});

test('what does not parse is not formatted', () => {
  assert.throws(() => format('a('), QueryError);
});
