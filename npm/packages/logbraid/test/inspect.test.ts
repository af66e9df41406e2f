import assert from 'node:assert/strict';
import { test } from 'node:test';

import { OptionError, inspect } from 'logbraid';

const LINES = [
  '{"ts":"2026-01-01T00:00:00Z","k":"1","level":"info"}\n',
  'no JSON\n',
  '{"ts":"2026-01-01T00:00:02.5Z","k":"2","level":"info"}\n',
].join('');
const bytes = new TextEncoder().encode(LINES);

test('a blob, a stream and blocks cut anywhere are looked into alike', async () => {
  const found = await inspect(new Blob([LINES]));
  assert.equal(found.format, 'ndjson');
  assert.equal(found.timeField, 'ts');
  assert.equal(found.bytes, bytes.length);
  assert.equal(found.events, 2);
  assert.equal(found.spanNs, 2.5e9);
  assert.deepEqual(found.labels, [
    { name: 'k', events: 2, values: 2, only: null },
    { name: 'level', events: 2, values: 1, only: 'info' },
  ]);
  assert.equal(found.badLines, 1);
  assert.equal(found.badLineSamples[0]?.line, 2);
  assert.deepEqual(await inspect(new Blob([LINES]).stream()), found);
  assert.deepEqual(await inspect([bytes.subarray(0, 60), bytes.subarray(60)]), found);
});

test('decoders are options, checked like those of sources', async () => {
  const noted = new Blob(['{"time":"2026-01-01T00:00:00Z","end":"2026-01-01T00:00:09Z"}\n']);
  const { timeField, firstTime } = await inspect(noted, { time: 'end' });
  assert.equal(timeField, 'end');
  assert.equal(firstTime, '2026-01-01T00:00:09.000000000Z');
  await assert.rejects(inspect(noted, { tme: 'end' } as never), OptionError);
});

test('what reading throws ends it', async () => {
  async function* failing(): AsyncGenerator<Uint8Array> {
    yield bytes;
    await Promise.reject(new Error('the disk is gone'));
  }
  await assert.rejects(inspect(failing()), /the disk is gone/);
});
