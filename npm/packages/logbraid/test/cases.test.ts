// Runs tests/cases on the addon and on WebAssembly, as the core runs them: step by step, in whole pushes, byte by byte,
// and as objects that stay in JavaScript; both have to agree to the byte. Cases about the results of bounded
// sources also go through the CorrelationEngine, whose steps come as they may, on one thread and on several.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { CorrelationEngine, IterableAdapter } from 'logbraid';
import type { EngineOptions, StreamItem } from 'logbraid';

import type { Checked } from '#dist/backend.js';
import { loadBackend } from '#dist/platform/node.js';
import { plan as planOf } from '#dist/query.js';
import { readCases, readEvents, readInstant, toLine } from './case.js';
import type { Case } from './case.js';
import { Driver, NDJSON, backends, boundsOf, textOf } from './driver.js';
import type { Delivery } from './driver.js';

const FOLDER = new URL('../../../../../tests/cases/', import.meta.url);

/** Cases that were run on the addon and on WebAssembly, and deliveries of their events. */
let [ran, delivered] = [0, 0];

const files = readCases(FOLDER);

for (const [file, cases] of files) {
  for (const one of cases) {
    const { steps = [] } = one;
    test(`${file}: ${one.name}`, async () => {
      const options = { selectingSources: one.selects ?? [] };
      const checks = backends.map((backend) => backend.check(one.query, options));
      assert.equal(new Set(checks).size, 1, 'the backends do not check alike');
      assert.deepEqual(
        (JSON.parse(checks[0] ?? '') as Checked).diagnostics.map(
          ({ code, line, column }) => `${code} ${line}:${column}`,
        ),
        one.diagnostics ?? [],
      );
      ran += 1;
      if (steps.length === 0) return;
      const asBytes = steps.some(({ bytes, hex }) => bytes !== undefined || hex !== undefined);
      const deliveries: Delivery[] = [Infinity, 1];
      // An object has no line for filters and parsers to see.
      if (!asBytes && !one.query.includes('|')) deliveries.push('objects');
      for (const delivery of deliveries) {
        const told = backends.map((backend) => new Driver(backend, one, delivery).run());
        delivered += 1;
        // And so does what fits into a bound of them.
        if (!isBoundedInBytes(one)) {
          assert.equal(new Set(told).size, 1, `${String(delivery)}: the backends do not agree`);
        }
      }
      if (isAboutResults(one)) {
        await runOnEngine(one, { threads: 1 });
        await runOnEngine(one, { threads: 2 });
        await runOnEngine(one, { backend: 'wasm' });
      }
    });
  }
}

test('the backends agree', (context) => {
  // `cargo test --test cases` makes a test of each case of these files.
  const written = [...files.values()].flat().length;
  assert.ok(written > 300, `there are only ${written} cases`);
  assert.equal(ran, written, 'cases of the core that were not run here');
  context.diagnostic(`parity: ${written} cases on core, ${ran} on addon, ${ran} on wasm`);
  context.diagnostic(`${delivered} deliveries of their events on addon and wasm`);
});

/** Whether a case says how many bytes may be held. */
function isBoundedInBytes({ maxMemory, steps = [] }: Case): boolean {
  return maxMemory !== undefined || steps.some((step) => step.maxMemory !== undefined);
}

/** Whether nothing matters but what is found in the end. */
function isAboutResults(one: Case): boolean {
  const { emit, live, selects, pace, limit, steps = [] } = one;
  const plain = steps.every(
    ({ flush, away, back, advance, notices, expect = [] }) =>
      flush === undefined &&
      away === undefined &&
      back === undefined &&
      advance === undefined &&
      !notices &&
      !expect.includes('end'),
  );
  const bounded = Object.keys(boundsOf(one)).length > 0 || isBoundedInBytes(one);
  const whole = !live && !selects && !pace && !bounded;
  return emit !== 'eager' && whole && limit === undefined && plain;
}

/** Every source as a stream of its own; how they interleave is the engine's affair. */
async function runOnEngine(one: Case, where: EngineOptions): Promise<void> {
  const { query, start, end, decoders, clockSkew, steps = [] } = one;
  // What is out of order in a case is not late there, and must not become late here.
  await using engine = new CorrelationEngine({ lateTolerance: '1d', ...where });
  const { sources } = planOf(loadBackend(), query, {});
  for (const { name } of sources) {
    const items = steps
      .filter(({ push }) => push === name)
      .map(({ events, bytes, hex }) =>
        events === undefined
          ? Buffer.from(
              bytes ?? hex?.replace(/\s/g, '') ?? '',
              bytes === undefined ? 'hex' : 'utf8',
            )
          : readEvents(events).map(toLine).join(''),
      );
    const decoder = decoders?.[name] ?? NDJSON;
    const options = { ...decoder, bounded: true, clockSkew: clockSkew?.[name] };
    engine.addAdapter(name, new IterableAdapter(stream(items), options));
  }
  const found = await engine.run(query, {
    ...(start && { start: readInstant(start) }),
    ...(end && { end: readInstant(end) }),
  });
  const expected = steps.flatMap(({ expect = [] }) => expect);
  const seen = found.map((correlation, at) => textOf(correlation, undefined, expected[at] ?? ''));
  assert.deepEqual(seen, expected, `through the CorrelationEngine, ${JSON.stringify(where)}`);
}

// eslint-disable-next-line @typescript-eslint/require-await -- a stream
async function* stream(items: StreamItem[]): AsyncGenerator<StreamItem> {
  yield* items;
}
