// Clocks of sources that are ahead or behind: the times in results are set right, and adapters are asked in
// their own.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { CorrelationEngine, IterableAdapter, OptionError } from 'logbraid';
import type { ClockSkew, DataSourceAdapter, EngineOptions, StreamOptions } from 'logbraid';

const QUERY = 'a({})[10s] and on(k) within(1s) b({})[10s]';
const SETUPS: EngineOptions[] = [
  { backend: 'native', threads: 1 },
  { backend: 'native', threads: 2 },
  { backend: 'wasm' },
];

/** The second of a minute, with its milliseconds. */
const at = (second: string) => `2026-01-01T00:00:${second}Z`;

/** An adapter that notes what it is asked for. */
function noting(clockSkew: ClockSkew, asked: StreamOptions[]): DataSourceAdapter {
  return {
    clockSkew,
    bounded: true,
    selects: false,
    getName: () => 'noting',
    createStream: (_selector, options) => {
      asked.push(options);
      return new Blob([]).stream();
    },
    validateQuery: () => true,
    destroy: () => Promise.resolve(),
  };
}

for (const setup of SETUPS) {
  test(`objects and bytes alike have the time set right (${JSON.stringify(setup)})`, async () => {
    const objects = [{ timestamp: at('07.500000001'), message: 'one', labels: { k: '1' } }];
    const bytes = new Blob([`{"time":"${at('00.25')}","message":"two","k":"1"}\n`]);
    await using engine = new CorrelationEngine(setup);
    engine.addAdapter('a', new IterableAdapter(objects, { clockSkew: '5s' }));
    engine.addAdapter('b', new IterableAdapter(bytes, { clockSkew: -2500.5, format: 'ndjson' }));
    const found = await engine.run(QUERY);
    assert.deepEqual(
      found.map(({ events, timeWindow }) => [events.map(({ timestamp }) => timestamp), timeWindow]),
      [
        [
          [at('02.500000001'), at('02.750500000')],
          { start: at('02.500000001'), end: at('02.750500000') },
        ],
      ],
    );
    const [one, two] = found[0]?.events ?? [];
    assert.equal(one?.timestampNs, 1_767_225_602_500_000_001n);
    // What it was made of is as it came.
    assert.deepEqual(one.raw, objects[0]);
    assert.equal(two?.raw, `{"time":"${at('00.25')}","message":"two","k":"1"}`);
  });
}

test('adapters are asked in the time of their source', async () => {
  const asked: StreamOptions[] = [];
  await using engine = new CorrelationEngine();
  engine.addAdapter('a', noting('2s', asked));
  engine.addAdapter('b', noting('-1.5s', asked));
  await engine.run(QUERY, { start: at('20'), end: at('30') });
  const told = asked.map(({ range, timeRange, start, end }) => [
    range,
    timeRange,
    start?.toISOString(),
    end?.toISOString(),
  ]);
  assert.deepEqual(told, [
    [10_000, '10s', at('12.000'), at('42.000')],
    // What happened just now is older there.
    [11_500, '11s500ms', at('08.500'), at('38.500')],
  ]);
});

test('what is no length of time is refused', () => {
  for (const skew of ['soon', '--2s', '2', Number.NaN, Infinity, null, '-300000d']) {
    const engine = new CorrelationEngine();
    engine.addAdapter('a', noting(skew as never, []));
    engine.addAdapter('b', []);
    assert.throws(
      () => engine.correlate(QUERY),
      (error) => error instanceof OptionError && error.details['option'] === 'clockSkew',
      String(skew),
    );
  }
});
