import assert from 'node:assert/strict';
import { test } from 'node:test';

import { CorrelationEngine } from 'logbraid';
import { HostEvents } from '#dist/columns.js';

const fail = (message: string): never => {
  throw new Error(message);
};

test('where all labels are needed they cross as one object of texts', () => {
  const plan = { labels: [], allLabels: true, joinKeys: [], message: false, messageAlways: false };
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

test('a message that is needed for keys alone crosses only where a label is missing', () => {
  const plan = { labels: ['k'], allLabels: false, joinKeys: ['k'], message: true };
  const events = [
    { timestamp: 0, labels: { k: 'x' }, message: 'k=1' },
    { timestamp: 0, labels: { k: '' }, message: 'k=2' },
    { timestamp: 0, message: 'k=3' },
    { timestamp: 0, labels: Object.create({ k: 'inherited' }) as object, message: 'k=4' },
  ] as { timestamp: number; message: string; labels?: Record<string, string> }[];
  const crossing = (messageAlways: boolean) => {
    const columns = new HostEvents().encode(events, 0, 4, { ...plan, messageAlways }, fail);
    assert.ok(columns);
    const texts = new TextDecoder().decode(columns.texts);
    const text = (id: number) => texts.slice(columns.textEnds[id - 1], columns.textEnds[id]);
    return [...columns.messages].map((id) => (id === 0 ? '' : text(id)));
  };
  assert.deepEqual(crossing(false), ['', 'k=2', 'k=3', 'k=4']);
  assert.deepEqual(crossing(true), ['k=1', 'k=2', 'k=3', 'k=4']);
});

test('texts that repeat cross once, whatever their type', () => {
  const plan = { labels: ['k'], allLabels: false, joinKeys: [], message: false };
  const values = ['1', '1', 1, 1, { a: 1 }, { a: 1 }, 'é', '\ud83d', '\ude00', undefined, 'é'];
  const events = values.map((k) => ({ timestamp: 0, labels: { k } }));
  const columns = new HostEvents().encode(
    events,
    0,
    events.length,
    { ...plan, messageAlways: false },
    fail,
  );
  assert.ok(columns);
  const ends = columns.textEnds;
  const text = (id: number) =>
    new TextDecoder().decode(columns.texts.subarray(ends[id - 1], ends[id]));
  const shown = [...columns.labels].map((id) => (id === 0 ? '' : text(id)));
  const half = '\ufffd';
  const [one, set] = ['1', '{"a":1}'];
  assert.deepEqual(shown, [one, one, one, one, set, set, 'é', half, half, '', 'é']);
  assert.equal(columns.labels[0], columns.labels[1]);
});
