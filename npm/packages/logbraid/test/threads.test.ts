// Queries on threads of their own: the same answers, a thread of JavaScript that is free, and nothing left.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import {
  CorrelationEngine,
  IterableAdapter,
  MemoryError,
  OptionError,
  SourceError,
} from 'logbraid';
import type { CorrelateOptions, LogEvent } from 'logbraid';
import { FileAdapter } from 'logbraid/file';

const QUERY = 'a({})[5s] and on(k) within(1s) b({})[5s]';
const BASE = Date.UTC(2026, 0, 1);

/** Events of a source: each key has one of each, some milliseconds apart. */
function events(count: number, shift: number): LogEvent[] {
  return Array.from({ length: count }, (_, at) => ({
    timestamp: BASE + at * 5 + shift,
    message: `event ${at}`,
    labels: { k: `key-${at % 2 === 0 ? at : at % 1000}`, n: at },
  }));
}

function lines(all: readonly LogEvent[]): string {
  return all.map((event) => JSON.stringify(event) + '\n').join('');
}

/** What a query over two files finds, as text; and its counters. */
async function found(
  threads: number,
  query: string,
  files: readonly string[],
  options: CorrelateOptions = {},
): Promise<string[]> {
  await using engine = new CorrelationEngine({ threads });
  for (const [at, path] of files.entries()) {
    engine.addAdapter('ab'.charAt(at), new FileAdapter(path));
  }
  const all = await engine.run(query, options);
  return all.map((one) => one.toLine());
}

test('files: every number of threads finds the same in the same order', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'logbraid-'));
  try {
    const files = ['a', 'b'].map((name, at) => {
      const path = join(folder, name);
      writeFileSync(path, lines(events(20_000, at * 3)));
      return path;
    });
    const queries = [QUERY, QUERY.replace('and', 'outer'), `${QUERY} | limit 100`];
    for (const query of queries) {
      const one = await found(1, query, files);
      assert.ok(one.length >= 100);
      for (const threads of [2, 3]) {
        assert.deepEqual(await found(threads, query, files), one, `${query} on ${threads}`);
      }
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('objects: every number of threads finds the same', async () => {
  const run = async (threads: number) => {
    await using engine = new CorrelationEngine({ threads });
    engine.addAdapter('a', new IterableAdapter(events(5_000, 0)));
    engine.addAdapter('b', new IterableAdapter(events(5_000, 3)));
    const all = await engine.run(QUERY);
    return all.map((one) => JSON.stringify(one));
  };
  const one = await run(1);
  assert.ok(one.length > 1000);
  assert.deepEqual(await run(2), one);
});

test('live sources: correlations come while events are pushed, and metrics count them', async () => {
  await using engine = new CorrelationEngine({ threads: 2, processingInterval: 0 });
  const [a, b] = [engine.source('a'), engine.source('b')];
  const results = engine.correlate(QUERY)[Symbol.asyncIterator]();
  const first = results.next();
  await a.push(lines([{ timestamp: BASE, message: '', labels: { k: 'x' } }]));
  await b.push({ timestamp: BASE + 1, message: '', labels: { k: 'x' } });
  const { value } = await first;
  assert.equal(value?.joinValue, 'x');
  assert.equal(value.events.length, 2);
  assert.equal(value.events[1]?.labels['k'], 'x');
  assert.equal(engine.metrics().events, 2);
  await results.return?.();
});

const skip = process.platform !== 'linux' && 'only Linux tells of each thread, in /proc/self/task';

/** How long this thread has run so far. */
function nanosOnProcessor(): number {
  const text = readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8');
  return Number(text.split(' ')[0]);
}

test('what is pushed is decoded and joined elsewhere', { skip }, async () => {
  const text = Buffer.from(lines(events(100_000, 0)));
  // What of a processor this thread takes for a query that finds little; others may be in its way.
  const held = async (threads: number) => {
    await using engine = new CorrelationEngine({ threads, emit: 'final', maxMemoryMB: 1000 });
    const [a, b] = [engine.source('a'), engine.source('b')];
    const results = engine.run('a({})[5s] and on(k) b({n="1"})[5s]');
    const before = nanosOnProcessor();
    await Promise.all([a, b].map((source) => source.push(text)));
    for (const source of [a, b]) source.end();
    await results;
    const took = nanosOnProcessor() - before;
    assert.equal(engine.metrics().events, 200_000);
    return took;
  };
  const least = async (threads: number) => {
    const taken: number[] = [];
    for (let run = 0; run < 3; run += 1) taken.push(await held(threads));
    return Math.min(...taken);
  };
  const [one, several] = [await least(1), await least(2)];
  assert.ok(several < one / 2, `${several} ns where it were ${one}`);
});

test('200,000 events a second leave the thread of JavaScript free', { skip }, async (t) => {
  const [slots, perSlot, every] = [200, 1_000, 10];
  const made = ['a', 'b'].map((_, shift) => {
    const all = events(slots * perSlot, shift);
    return Array.from({ length: slots }, (_, at) =>
      Buffer.from(lines(all.slice(at * perSlot, (at + 1) * perSlot))),
    );
  });
  await using engine = new CorrelationEngine({ threads: 2, emit: 'final', maxMemoryMB: 1000 });
  const sources = [engine.source('a'), engine.source('b')];
  const results = engine.run('a({})[5s] and on(k) within(10ms) b({n=~".*7"})[5s]');
  const delay = monitorEventLoopDelay({ resolution: 1 });
  const [begun, before] = [performance.now(), nanosOnProcessor()];
  delay.enable();
  for (let at = 0; at < slots; at += 1) {
    const early = begun + at * every - performance.now();
    if (early > 0) await sleep(early);
    await Promise.all(sources.map((source, of) => source.push(made[of]?.[at] ?? '')));
  }
  delay.disable();
  const [took, busy] = [performance.now() - begun, nanosOnProcessor() - before];
  for (const source of sources) source.end();
  const found = await results;
  assert.ok(found.length > 1000);
  assert.equal(engine.metrics().events, 2 * slots * perSlot);
  const millis = (nanos: number) => `${(nanos / 1e6).toFixed(1)} ms`;
  const late = [50, 99, 100].map((p) => millis(delay.percentile(p)));
  t.diagnostic(`event loop delay: p50 ${late[0]}, p99 ${late[1]}, max ${late[2]}`);
  t.diagnostic(`${millis(busy)} of ${millis(took * 1e6)} on the processor`);
  // How long others were in its way is not the engine's affair; what it took of a processor is.
  assert.ok(busy / 1e6 < (slots * every) / 2, `${millis(busy)} for two seconds of load`);
});

test('a file that cannot be read fails the query', async () => {
  for (const threads of [1, 2]) {
    await using engine = new CorrelationEngine({ threads });
    engine.addAdapter('a', new FileAdapter('/nowhere/a.log'));
    engine.addAdapter('b', new FileAdapter('/nowhere/b.log'));
    await assert.rejects(engine.run(QUERY), SourceError);
  }
});

test('a window that does not fit fails the query', async () => {
  for (const threads of [1, 2]) {
    await using engine = new CorrelationEngine({ threads, maxMemoryMB: 0.5 });
    for (const name of ['a', 'b']) {
      engine.addAdapter(name, new IterableAdapter(events(20_000, 0)));
    }
    const query = 'a({})[1h] and on(k) b({})[1h]';
    await assert.rejects(engine.run(query), (error) => {
      assert.ok(error instanceof MemoryError);
      const { heldEvents, heldMs } = error.details;
      // Each source has an event every five milliseconds; one may be ahead by some thousand.
      assert.ok(heldEvents > 1_000);
      assert.ok(heldMs > heldEvents * 2 && heldMs < heldEvents * 5 + 5_000, `${heldMs} ms`);
      return true;
    });
  }
});

test('bad lines are told with their places', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'logbraid-'));
  try {
    const path = join(folder, 'a');
    const good = lines(events(5_000, 0)).split('\n').slice(0, -1);
    good[1234] = 'no JSON';
    good[4567] = '{"half":';
    writeFileSync(path, good.join('\n'));
    const told = async (threads: number) => {
      await using engine = new CorrelationEngine({ threads });
      engine.addAdapter('a', new FileAdapter(path));
      const places: unknown[] = [];
      engine.on('badLine', ({ code, line, byte }) => places.push([code, line, byte]));
      await engine.run('a({})[1s] and on(k) a({})[1s]');
      return places;
    };
    const one = await told(1);
    assert.equal(one.length, 2);
    assert.deepEqual(await told(3), one);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('threads come with large amounts, and none is left', { skip }, () => {
  const script = `
    import { CorrelationEngine } from 'logbraid';
    import { readdirSync } from 'node:fs';
    import { setTimeout as sleep } from 'node:timers/promises';
    const threads = () => readdirSync('/proc/self/task').length;
    const query = ${JSON.stringify(QUERY)};
    const line = JSON.stringify({ time: '2026-01-01T00:00:00Z', k: 'x' }) + '\\n';
    const engine = new CorrelationEngine({ threads: 3 });
    const sources = ['a', 'b'].map((name) => engine.source(name));
    const before = threads();
    const results = engine.correlate(query)[Symbol.asyncIterator]();
    void results.next();
    await sources[0].push(line);
    await sleep(50);
    const little = threads() - before;
    await sources[0].push(line.repeat(20_000));
    await sleep(50);
    const much = threads() - before;
    await sleep(2_000);
    const rested = threads() - before;
    await sources[0].push(line.repeat(20_000));
    await engine.destroy();
    console.log(little, much > 0 && much <= 3, rested, threads() - before);
    const other = new CorrelationEngine({ threads: 3 });
    for (const name of ['a', 'b']) void other.source(name).push(line.repeat(20_000));
    void other.correlate(query)[Symbol.asyncIterator]().next();
  `;
  const cwd = new URL('../..', import.meta.url);
  const args = ['--input-type=module', '--eval', script];
  const out = execFileSync(process.execPath, args, { cwd, encoding: 'utf8', timeout: 20_000 });
  assert.equal(out.trim(), '0 true 0 0');
});

test('threads is a whole number from 1 to 64', () => {
  for (const threads of [0, 65, 1.5, '2' as unknown as number, NaN]) {
    assert.throws(() => new CorrelationEngine({ threads }), OptionError);
  }
  assert.ok(new CorrelationEngine({ threads: 64 }));
  assert.ok(new CorrelationEngine({ threads: undefined }));
});
