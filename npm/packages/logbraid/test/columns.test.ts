import assert from 'node:assert/strict';
import { test } from 'node:test';

import { CorrelationEngine } from 'logbraid';
import { HostEvents } from '#dist/columns.js';

test('where all labels are needed they cross as one object of texts', () => {
  const plan = { labels: [], allLabels: true, joinKeys: [], message: false };
  const events = [
    { timestamp: 0, labels: { b: 'x"y', a: 1, gone: undefined } },
    { timestamp: 0, labels: { a: '1', b: 'x"y' } },
    { timestamp: 0 },
    { timestamp: 0, labels: { __proto__x: true, s: '\ud800' } },
  ];
  const columns = new HostEvents().encode(events, 0, 4, plan, (message) => {
    throw new Error(message);
  });
  assert.ok(columns);
  assert.deepEqual([...columns.labels], [1, 1, 0, 2]);
  const texts = new TextDecoder().decode(columns.texts);
  const [, end = 0] = columns.textEnds;
  assert.equal(texts.slice(0, end), '{"a":"1","b":"x\\"y"}');
  assert.deepEqual(JSON.parse(texts.slice(end)), { __proto__x: 'true', s: '\ufffd' });
});

test('objects join on all labels but the ignored', async () => {
  const engine = new CorrelationEngine();
  engine.addAdapter('a', [
    { timestamp: 0, labels: { k: 1, j: 'x', host: 'h1' } },
    { timestamp: 0, labels: { k: 2, j: 'x', host: 'h1' } },
  ]);
  engine.addAdapter('b', [
    { timestamp: 1, labels: { j: 'x', k: '1', host: 'h2' } },
    { timestamp: 1, labels: { k: 2, host: 'h1' } },
  ]);
  const found = await engine.run('a({})[1m] and ignoring(host) b({})[1m]');
  assert.equal(found.length, 1);
  assert.deepEqual(
    found[0]?.events.map((event) => event.labels['k']),
    ['1', '1'],
  );
  await engine.destroy();
});
