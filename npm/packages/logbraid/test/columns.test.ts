import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { CorrelationEngine } from 'logbraid';
import type { LogEvent } from 'logbraid';
import type { ColumnPlan, Columns } from '#dist/backend.js';
import { ColumnEncoder, HostEvents } from '#dist/columns.js';

const fail = (message: string): never => {
  throw new Error(message);
};

const PLAN: ColumnPlan = {
  labels: ['k'],
  allLabels: false,
  joinKeys: [],
  message: false,
  messageAlways: false,
};

/** What a native engine would see. */
interface Crossed {
  times: string;
  /** Row by row. */
  cells: string[];
  samples: string[];
  columns: Columns;
}

function seen(columns: Columns): Crossed {
  const { bytes, timesEnd, textsEnd, ends, cells } = columns;
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const texts = bytes.subarray(timesEnd, textsEnd);
  const count = cells + columns.samples.reduce((sum, labels) => sum + 2 * labels, 0);
  const all = [...ends.subarray(0, count)].map((end, at) =>
    decoder.decode(texts.subarray(at === 0 ? 0 : ends[at - 1], end)),
  );
  assert.equal(count === 0 ? 0 : ends[count - 1], texts.length);
  const times = decoder.decode(bytes.subarray(0, timesEnd));
  return { times, cells: all.slice(0, cells), samples: all.slice(cells), columns };
}

/** Encodes events batch by batch. */
function cross(events: readonly unknown[], plan: Partial<ColumnPlan> = {}, most = events.length) {
  const encoder = new ColumnEncoder({ ...PLAN, ...plan }, new HostEvents(), most, fail);
  const batches: Crossed[] = [];
  for (let from = 0; from < events.length;) {
    from = encoder.push(events, from, (columns) => {
      batches.push(seen(columns));
      return true;
    });
  }
  return batches;
}

const cellsOf = (events: readonly unknown[], plan?: Partial<ColumnPlan>) =>
  cross(events, plan).flatMap(({ cells }) => cells);

test('where all labels are needed they cross as one object of texts', () => {
  const events = [
    { timestamp: 0, labels: { b: 'x"y', a: 1, gone: undefined } },
    { timestamp: 0 },
    { timestamp: 0, labels: { __proto__x: true, s: '\ud800' } },
  ];
  const [first, second, third] = cellsOf(events, { labels: [], allLabels: true });
  assert.deepEqual(JSON.parse(first ?? ''), { a: '1', b: 'x"y' });
  assert.equal(second, '');
  assert.deepEqual(JSON.parse(third ?? ''), { __proto__x: 'true', s: '\ufffd' });
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
  const events = [
    { timestamp: 0, labels: { k: 'x' }, message: 'k=1' },
    { timestamp: 0, labels: { k: '' }, message: 'k=2' },
    { timestamp: 0, message: 'k=3' },
    { timestamp: 0, labels: Object.create({ k: 'inherited' }) as object, message: 'k=4' },
  ];
  const crossing = (messageAlways: boolean) =>
    cellsOf(events, { joinKeys: ['k'], message: true, messageAlways });
  const row = (label: string, message: string) => [label, '', message];
  const others = [...row('', 'k=2'), ...row('', 'k=3'), ...row('', 'k=4')];
  assert.deepEqual(crossing(false), [...row('x', ''), ...others]);
  assert.deepEqual(crossing(true), [...row('x', 'k=1'), ...others]);
});

test('the fields of an event cross as texts, whatever their type', () => {
  const values = ['1', 1, 1.5, true, 12n, { a: 1 }, 'é', '\ud83d', '\ude00', null, undefined, '\0'];
  const half = '\ufffd';
  const texts = ['1', '1', '1.5', 'true', '12', '{"a":1}', 'é', half, half, '', '', '\0'];
  assert.deepEqual(
    cellsOf(
      values.map((k) => ({ timestamp: 0, labels: { k } })),
      PLAN,
    ),
    texts,
  );
});

test('what every object inherits is no label', () => {
  const labels = { toString: 'own' };
  const events = [{ timestamp: 0, labels }, { timestamp: 0, labels: {} }, { timestamp: 0 }];
  assert.deepEqual(cellsOf(events, { labels: ['toString'] }), ['own', '', '']);
  const bare = Object.assign(Object.create(null) as object, { k: 'x' });
  assert.deepEqual(cellsOf([{ timestamp: 0, labels: bare }]), ['x']);
});

test('texts of any units cross cell by cell', () => {
  const unit = fc.oneof(
    fc.constantFrom('a', '\0', '\x7f', '\x80', 'é', '\u07ff', '\u0800', '\uffff', '😀'),
    fc.constantFrom('\ud83d', '\ude00'),
  );
  const text = fc.array(unit, { maxLength: 5 }).map((units) => units.join(''));
  const rows = fc.array(fc.record({ k: text, j: text, message: text }), { maxLength: 20 });
  fc.assert(
    fc.property(rows, fc.integer({ min: 1, max: 20 }), (events, most) => {
      const given = events.map(({ k, j, message }) => ({
        timestamp: '2026-01-01T00:00:00Z',
        labels: { k },
        joinKeys: { j },
        message,
      }));
      const plan = { joinKeys: ['j'], message: true, messageAlways: true };
      const batches = cross(given, plan, most);
      // Halves of characters never meet, and are what they are when they are encoded alone.
      const alone = (text: string) => text.replace(/\p{Surrogate}/gu, '\ufffd');
      const cells = events.flatMap(({ k, j, message }) => [k, j, message].map(alone));
      assert.deepEqual(
        batches.flatMap((batch) => batch.cells),
        cells,
      );
      assert.deepEqual(
        batches.flatMap((batch) => batch.samples),
        events.flatMap(({ k }) => (k === '' ? [] : ['k', alone(k)])),
      );
    }),
  );
});

test('a batch ends where its texts are long, and long texts cross whole', () => {
  const long = ['x', 'é', '😀', '\uffff'].map((text) => text.repeat(300_000));
  const texts = [...long, 'short', 'again', ...long, 'last'];
  const batches = cross(
    texts.map((k) => ({ timestamp: 0, labels: { k } })),
    PLAN,
  );
  assert.deepEqual(
    batches.flatMap(({ cells }) => cells),
    texts,
  );
  assert.deepEqual(
    batches.map(({ cells }) => cells.length),
    [1, 1, 1, 1, 3, 1, 1, 1, 1],
  );
});

test('times cross as text where they look usual, until the engine knows better', () => {
  const host = new HostEvents();
  const refused: string[] = [];
  const encoder = new ColumnEncoder(PLAN, host, 10, (message) => refused.push(message));
  const usual = '2026-01-01T00:00:00.25Z';
  const events = [
    { timestamp: usual },
    { timestamp: 1.5 },
    { timestamp: 'tomorrow' },
    { timestamp: '2026-01-01 00:00:01+01' },
    { timestamp: '2026-01-01T00:00:00,5Z' },
    null,
    { timestamp: '2026-99-01T00:00:00.000Z' },
  ];
  const tried: { times: string; millis: number[]; nanos: number[]; ids: number[] }[] = [];
  const push = (columns: Columns) => {
    const [millis, nanos, ids] = [columns.millis, columns.nanos, columns.ids].map((column) => [
      ...column.subarray(0, columns.rows),
    ]);
    assert.ok(millis && nanos && ids);
    tried.push({ times: seen(columns).times, millis, nanos, ids });
    return tried.length > 1;
  };
  assert.equal(encoder.push(events, 0, push), events.length);
  const start = Date.UTC(2026, 0, 1);
  const [first, second] = tried;
  assert.equal(first?.times, `${usual}2026-01-01T00:00:00,5Z2026-99-01T00:00:00.000Z`);
  const own = [1, start - 3_599_000];
  assert.deepEqual(first.millis, [NaN, ...own, NaN, NaN]);
  assert.equal(second?.times, '');
  assert.deepEqual(second.millis, [start + 250, ...own, start + 500]);
  assert.deepEqual(second.nanos, [0, 500_000, 0, 0]);
  assert.deepEqual(refused, [
    'timestamp is no time: "tomorrow"',
    'not an object',
    'timestamp is no time: "2026-99-01T00:00:00.000Z"',
  ]);
  // Nothing is held twice.
  const held = second.ids.map((id) => host.get(id));
  assert.deepEqual(held, [events[0], events[1], events[3], events[4]]);
  assert.equal([0, 1, 2, 3, 4, 5].filter((id) => host.get(id)).length, 4);
  encoder.push([{ timestamp: usual }], 0, push);
  assert.deepEqual(tried[2]?.millis, [start + 250]);
});

test('labels of all of the first events are told, then of one of every 64', () => {
  const events = Array.from({ length: 400 }, (_, at) => ({
    timestamp: 0,
    labels: { at, k: 'x', none: '' },
  }));
  const told = cross(events, PLAN, 30).flatMap(({ samples }) => samples);
  const numbers = told.filter((_, at) => at % 4 === 1).map(Number);
  assert.deepEqual(numbers, [...Array.from({ length: 256 }, (_, at) => at), 256, 320, 384]);
  assert.deepEqual(told.slice(0, 4), ['at', '0', 'k', 'x']);
});

test('events of many kinds are answered as their texts are', async () => {
  const times = ['2026-01-01T00:00:00Z', '2026-01-01T00:00:00.001Z', '2026-01-01 00:00:00.002'];
  const keys = ['é', '😀', '\ufffd', 'x'.repeat(70_000), '7', '', '1'];
  const events = keys.flatMap((k, at): LogEvent[] => [
    { timestamp: times[at % 3] ?? '', labels: { k, side: 'l' }, message: `l${at}` },
    { timestamp: times[(at + 1) % 3] ?? '', joinKeys: { k }, labels: { side: 'r' } },
  ]);
  const engine = new CorrelationEngine();
  const source = engine.source('app');
  const asked = engine.correlate('app({side="l"})[1m] and on(k) app({side="r"})[1m]');
  const answer = (async () => {
    const found: string[] = [];
    for await (const { joinValue, events, final } of asked) {
      if (final) found.push(`${joinValue} ${events.map(({ labels }) => labels['side']).join('')}`);
    }
    return found;
  })();
  for (const event of events) await source.push(event);
  source.end();
  const sides = (k: string) => {
    const at = keys.indexOf(k);
    return (times[at % 3] ?? '') <= (times[(at + 1) % 3] ?? '') ? 'lr' : 'rl';
  };
  const expected = keys.filter((k) => k !== '').map((k) => `${k} ${sides(k)}`);
  // Text order of the third form is another than time order.
  const sorted = (texts: string[]) => texts.map((text) => text.replace(/ (rl|lr)$/, '')).sort();
  assert.deepEqual(sorted(await answer), sorted(expected));
  await engine.destroy();
});
