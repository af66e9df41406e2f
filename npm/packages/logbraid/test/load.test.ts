// The load test itself: counts and shapes, no times.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { CorrelationEngine } from 'logbraid';
import { measure } from '#dist/cli/load/measure.js';
import type { Loaded, LoadReport } from '#dist/cli/load/measure.js';
import { medianOf, tableOf, textOf } from '#dist/cli/load/report.js';
import { loadBackend } from '#dist/platform/node.js';
import { highlight, parse, plan } from '#dist/query.js';
import { parseField, templatesOf, Workload } from '#dist/cli/load/workload.js';
import type { Pacer } from '#dist/cli/load/source.js';
import type { Shape } from '#dist/cli/load/workload.js';

const BIN = fileURLToPath(new URL('../../bin/logbraid.js', import.meta.url));
const folder = mkdtempSync(path.join(os.tmpdir(), 'logbraid-load-'));
after(() => {
  rmSync(folder, { recursive: true });
});

async function load(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, [BIN, 'load', ...args]);
  const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []];
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
  const [code] = (await once(child, 'close')) as [number];
  return {
    code,
    stdout: Buffer.concat(stdout).toString(),
    stderr: Buffer.concat(stderr).toString(),
  };
}

const SHORT = ['--warmup', '300ms', '--duration', '1s'];
const QUERY = 'web({status=~"5.."})[1m] and on(id) within(5s) app({level!="debug"} |= "boom")[1m]';

const SHAPE: Shape = {
  rate: 1000,
  match: 0.5,
  repeat: 1,
  disorder: 0,
  late: 0,
  lateBy: 31_000,
  size: 300,
  seed: 7,
};

function templates(query: string, fields: string[] = []) {
  const planned = plan(loadBackend(), query, {});
  const given = fields.reduce((before, one) => parseField(one, before), parseField('x.y=z'));
  return templatesOf(query, parse(query), highlight(query), planned, given, 1);
}

test('events suit the selectors, keys and bounds of a query', () => {
  const query =
    'a({x="1", y=~"5[0-3]\\\\d", z!="q", w!=""} |= "say \\"hi\\"" |~ `b+c` | json | took > 250ms or n<=4)[1m] ' +
    'and on(k=key, user) within(2s, 9s) b({})[1m] then on(trace) c({}) {region="eu"}';
  const [a, b, c] = templates(query, ['b.level=warn', 'b.key=fixed']);
  assert.ok(a && b && c);
  const { y = '', ...labels } = a.labels;
  assert.deepEqual(labels, { x: '1', w: 'x', took: '251ms', n: '4', region: 'eu' });
  assert.match(y, /^5[0-3]\d$/);
  assert.match(a.message, /say "hi" b+c/);
  assert.deepEqual(
    [a.keys, b.keys, c.keys],
    [['trace', 'k', 'user'], ['trace', 'user'], ['trace']],
  );
  assert.deepEqual([a.after, b.after, c.after], [0, 2000, 3]);
  assert.deepEqual(b.labels, { region: 'eu', level: 'warn', key: 'fixed' });
});

test('a workload keeps rate, share of matches, size and order, and is the same for the same seed', () => {
  const made = () => new Workload(templates('a({})[1m] and on(k) b({})[1m]'), SHAPE);
  const [one, two] = [made(), made()];
  const { lines, events } = one.take(10_000, 0);
  // In pieces the same.
  const pieces = [two.take(4_000, 0), two.take(10_000, 0)];
  assert.deepEqual(
    [0, 1].map((source) => pieces.map((piece) => piece.lines[source]).join('')),
    lines,
  );
  assert.ok(Math.abs(events - 10_000) < 300, `${events} events`);
  const [a = [], b = []] = lines.map((text) => text.trimEnd().split('\n'));
  assert.ok(Math.abs(b.length / a.length - SHAPE.match) < 0.03, `${b.length} of ${a.length}`);
  const parsed = a.map((line) => JSON.parse(line) as { time: string; k: string; message: string });
  assert.ok(
    a.every((line) => Math.abs(line.length + 1 - SHAPE.size) <= 1),
    String(a[0]?.length),
  );
  assert.equal(new Set(parsed.map(({ k }) => k)).size, a.length);
  const times = parsed.map(({ time }) => time);
  assert.deepEqual(times, times.slice().sort());
});

test('a stream may log a request several times', () => {
  const shape = { ...SHAPE, repeat: 3 };
  const made = new Workload(templates('a({})[1m] and on(k) b({})[1m]'), shape).take(10_000, 0);
  assert.ok(Math.abs(made.events - 10_000) < 300, `${made.events} events`);
  for (const text of made.lines) {
    const counts = new Map<string, number>();
    for (const line of text.trimEnd().split('\n')) {
      const { k } = JSON.parse(line) as { k: string };
      counts.set(k, (counts.get(k) ?? 0) + 1);
    }
    // The last requests are not through.
    const whole = [...counts.values()].filter((count) => count === 3).length;
    assert.ok(whole > counts.size * 0.95 && Math.max(...counts.values()) === 3);
  }
});

test('disorder and lateness are as asked for', () => {
  const shape = { ...SHAPE, disorder: 0.2, late: 0.1 };
  const { lines } = new Workload(templates('a({})[1m] and on(k) b({})[1m]'), shape).take(10_000, 0);
  const times = (lines[0] ?? '')
    .trimEnd()
    .split('\n')
    .map((line) => Date.parse((JSON.parse(line) as { time: string }).time));
  let newest = -Infinity;
  let [behind, late] = [0, 0];
  for (const time of times) {
    if (newest - time > 30_000) late += 1;
    else if (newest - time > 1) behind += 1;
    newest = Math.max(newest, time);
  }
  assert.ok(Math.abs(late / times.length - 0.1) < 0.02, String(late));
  assert.ok(Math.abs(behind / times.length - 0.2) < 0.03, String(behind));
});

test('a load test tells its figures', async () => {
  const { code, stdout, stderr } = await load(QUERY, ...SHORT, '--rate', '2000', '--json');
  assert.equal(code, 0, stderr);
  const report = JSON.parse(stdout) as LoadReport;
  assert.equal(report.rate.offered, 2000);
  assert.ok(report.rate.achieved > 0 && report.results.correlations > 0, stdout);
  assert.ok(report.latency.eager.count > 0 && report.latency.eager.max >= report.latency.eager.p50);
  assert.equal(report.latency.final.count, 0);
  assert.ok(report.memory.process > 0 && report.memory.query > 0 && report.cpu.engine > 0);
  assert.deepEqual(
    [report.engines, report.events.badLines, report.events.evicted, report.events.late],
    [1, 0, 0, 0],
  );
});

test('several engines, late events, final results, bounds that are hit', async () => {
  const settings = path.join(folder, 'small.toml');
  writeFileSync(settings, 'maxEvents = 50\nlateTolerance = "100ms"\n');
  const flags = ['--engines', '2', '--settings', settings, '--emit', 'final', '--late', '0.1'];
  const query = 'a({})[200ms] and on(id) b({})[200ms]';
  const { stdout, stderr } = await load(query, ...SHORT, ...flags, '--json');
  const report = JSON.parse(stdout || stderr) as LoadReport;
  assert.deepEqual([report.engines, report.emit, report.rate.offered], [2, 'final', 2000]);
  assert.ok(report.events.late > 0 && report.events.evicted > 0, stdout);
  assert.ok(report.latency.eager.count === 0 && report.latency.final.count > 0, stdout);
});

test('settings are compared beside each other', async () => {
  const [a, b] = [path.join(folder, 'a.toml'), path.join(folder, 'b.toml')];
  writeFileSync(a, 'processingInterval = 0\n');
  writeFileSync(b, 'preset = "low-memory"\n');
  const flags = [...SHORT, '--rounds', '1', '--compare', a, b];
  const { code, stdout, stderr } = await load(QUERY, ...flags);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /│ +a +│ +b +│/);
  assert.match(stdout, /offered, events\/s +│ +1,000 +│ +1,000 +│/);
});

test('the median of reports is that of each figure', () => {
  const report = (value: number): LoadReport => {
    const durations = { count: value, p50: value, p95: value, p99: value, max: value };
    return {
      seconds: value,
      engines: 1,
      rate: { offered: 1, achieved: value },
      emit: 'eager',
      latency: { eager: durations, final: { ...durations, count: 0 } },
      turns: durations,
      eventLoopDelay: durations,
      cpu: { engine: value, load: value },
      memory: { process: value, before: value, query: value },
      results: { correlations: value, deliveries: value },
      events: { late: 0, evicted: 0, dropped: 0, unknown: 0, badLines: 0, unsent: 0 },
    };
  };
  assert.deepEqual(medianOf([report(3), report(1), report(20)]), report(3));
  assert.deepEqual(medianOf([report(3), report(1)]), report(2));
  assert.match(textOf(report(5)), /latency, eager +5\.00 · 5\.00 · 5\.00 · 5\.00 ms/);
  assert.doesNotMatch(textOf(report(5)), /latency, final/);
  assert.match(tableOf([['x', report(1)], ['y', report(2)]]), /x.*y/); // prettier-ignore
});

test('what cannot be is refused before it runs', async () => {
  const settings = path.join(folder, 'bad.toml');
  writeFileSync(settings, 'maxMemoryMB = "much"\n');
  const broken = path.join(folder, 'broken.toml');
  writeFileSync(broken, 'maxMemoryMB = \n');
  const cases: [string[], RegExp][] = [
    [[QUERY, '--settings', settings], /bad\.toml: maxMemoryMB/],
    [[QUERY, '--settings', broken], /broken\.toml/],
    [[QUERY, '--compare', settings, settings], /bad\.toml: maxMemoryMB/],
    [[QUERY, '--match', '2'], /--match 2: expected a share/],
    [[QUERY, '--rate', '0'], /--rate 0/],
    [[QUERY, '--field', 'web'], /--field web: expected STREAM\.LABEL=VALUE/],
    [[QUERY, '--field', 'nope.level=x'], /the streams web, app/],
    [[QUERY, '--field', 'app.level=debug'], /the selector of app does not take .*--field app/],
    [['a({}) nand b({})'], /error/],
    [[QUERY, '--preset', 'huge'], /low-memory/],
  ];
  for (const [args, message] of cases) {
    const { code, stderr } = await load(...args);
    assert.equal(code, 2, args.join(' '));
    assert.match(stderr, message);
  }
  const { code, stderr } = await load(QUERY, '--settings', path.join(folder, 'none.toml'));
  assert.equal(code, 3);
  assert.match(stderr, /none\.toml/);
});

test('sources with a language of their own take what is made for them', async () => {
  const query = 'loki({x=`1`} | weird)[1m] as l and on(id) loki(other)[1m] as o';
  const { code, stdout, stderr } = await load(query, ...SHORT, '--selecting', 'loki', '--json');
  assert.equal(code, 0, stderr);
  assert.ok((JSON.parse(stdout) as LoadReport).results.correlations > 0);
});

test('an interrupt ends the measuring, and what was measured until then is told', async () => {
  await using engine = new CorrelationEngine();
  const pacer: Pick<Pacer, 'start' | 'stop' | 'sent'> = {
    start: () => undefined,
    stop: () => undefined,
    sent: { cpu: 0, unsent: 0 } as Pacer['sent'],
  };
  const forever = () => new Promise<void>(() => undefined);
  const loaded: Loaded[] = [{ engine, pacer: pacer as Pacer, consume: forever }];
  const minute = 60_000;
  const after = (ms: number) => {
    const interrupt = new AbortController();
    setTimeout(() => {
      interrupt.abort();
    }, ms);
    return interrupt.signal;
  };
  const options = { rate: 1000, emit: 'eager' } as const;
  const report = await measure(loaded, {
    ...options,
    warmupMs: 1,
    durationMs: minute,
    signal: after(300),
  });
  assert.ok(report && report.seconds > 0.1 && report.seconds < 30, JSON.stringify(report));
  const signal = after(20);
  const nothing = await measure(loaded, {
    ...options,
    warmupMs: minute,
    durationMs: minute,
    signal,
  });
  assert.equal(nothing, undefined);
});
