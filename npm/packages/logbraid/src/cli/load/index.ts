import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { parse as parseToml } from 'smol-toml';

import { IterableAdapter } from '../../adapters/iterable.js';
import { CorrelationEngine } from '../../engine.js';
import { SourceError } from '../../errors.js';
import { loadBackend } from '#platform';
import type { EngineOptions } from '../../options.js';
import { resolveOptions } from '../../options.js';
import type { PresetName } from '../../presets.js';
import { highlight, parse, plan } from '../../query.js';
import { toMillis } from '../../time.js';
import type { Emit } from '../../types.js';
import { EXIT, UsageError } from '../failure.js';
import { count, duration } from '../arguments.js';
import { print } from '../writer.js';
import type { Counted, Loaded, LoadReport } from './measure.js';
import { measure } from './measure.js';
import { medianOf, tableOf, textOf } from './report.js';
import { LoadQueue, Pacer, loadSource } from './source.js';
import type { Field, Shape, Template } from './workload.js';
import { templatesOf, Workload } from './workload.js';

/** Options of `logbraid load`. */
export interface LoadCommand {
  rate: string;
  duration: string;
  warmup: string;
  engines: string;
  preset?: PresetName;
  settings?: string;
  compare?: string[];
  rounds: string;
  emit?: Emit;
  field?: Field[];
  selecting?: string[];
  match: string;
  repeat: string;
  disorder: string;
  late: string;
  size: string;
  seed: string;
  json?: boolean;
}

/** Puts a query under a load of its own, and tells how it does. Gives the exit code. */
export async function loadQuery(query: string, command: LoadCommand): Promise<number> {
  const { compare, json } = command;
  const interrupt = new AbortController();
  const { signal } = interrupt;
  // A second interrupt ends the process at once.
  process.once('SIGINT', () => {
    interrupt.abort();
  });
  if (compare) {
    const reports = await compareSettings(query, command, compare, signal);
    if (reports.length > 0) {
      await print(json ? JSON.stringify(Object.fromEntries(reports), null, 2) : tableOf(reports));
    }
    return signal.aborted ? EXIT.interrupted : EXIT.found;
  }
  const report = await underLoad(query, command, signal);
  if (!report) {
    process.stderr.write('interrupted before the warmup was over: nothing was measured\n');
    return EXIT.interrupted;
  }
  await print(json ? JSON.stringify(report, null, 2) : textOf(report));
  if (signal.aborted) {
    process.stderr.write(`interrupted: these are the figures of ${report.seconds.toFixed(1)} s\n`);
    return EXIT.interrupted;
  }
  return report.results.deliveries > 0 ? EXIT.found : EXIT.nothing;
}

/**
 * Runs each of the settings by turns, each time in a process of its own; the median of each figure counts.
 * An interrupt, which a terminal sends to that process as well, makes it the last.
 */
async function compareSettings(
  query: string,
  command: LoadCommand,
  files: readonly string[],
  signal: AbortSignal,
): Promise<[string, LoadReport][]> {
  const rounds = count('--rounds', command.rounds) ?? 1;
  for (const file of files) settingsOf(file);
  const found = files.map((file): [string, LoadReport[]] => [file, []]);
  const script = fileURLToPath(new URL('../main.js', import.meta.url));
  for (let round = 0; round < rounds; round += 1) {
    for (const [file, reports] of found) {
      if (signal.aborted) break;
      const flags = [...argumentsOf(command), '--settings', file, '--json'];
      const stdout = await printed(file, [...process.execArgv, script, 'load', query, ...flags]);
      if (stdout !== '') reports.push(JSON.parse(stdout) as LoadReport);
    }
  }
  const measured = found.filter(([, reports]) => reports.length > 0);
  return measured.map(([file, reports]) => [path.basename(file, '.toml'), medianOf(reports)]);
}

/** What a load test with these settings prints, in a process of its own. */
async function printed(file: string, args: readonly string[]): Promise<string> {
  try {
    return (await promisify(execFile)(process.execPath, args)).stdout;
  } catch (error) {
    const { code, stdout, stderr } = error as { code?: number; stdout: string; stderr: string };
    // Nothing was found, or not for as long as asked for, which is no failure.
    if (code === EXIT.nothing || code === EXIT.interrupted) return stdout;
    throw new UsageError(`with ${file}: ${stderr.trim()}`);
  }
}

/** The same command for one of the settings. */
function argumentsOf(command: LoadCommand): string[] {
  const { rate, duration, warmup, engines, preset, emit } = command;
  const { match, repeat, disorder, late, size, seed } = command;
  const made = { match, repeat, disorder, late, size, seed };
  const given = { rate, duration, warmup, engines, preset, emit, ...made };
  const flags = Object.entries(given).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name}`, value],
  );
  const fields = (command.field ?? []).flatMap(({ stream, label, value }) => [
    '--field',
    `${stream}.${label}=${value}`,
  ]);
  const selecting = (command.selecting ?? []).flatMap((name) => ['--selecting', name]);
  return [...flags, ...fields, ...selecting];
}

async function underLoad(
  query: string,
  command: LoadCommand,
  signal: AbortSignal,
): Promise<LoadReport | undefined> {
  const { preset, emit = 'eager', selecting = [], field = [] } = command;
  const settings = command.settings === undefined ? {} : settingsOf(command.settings);
  const options: EngineOptions = { ...(preset && { preset }), ...settings };
  const { lateToleranceMs, defaultTimeWindowMs } = resolveOptions(options);
  const shape: Shape = {
    rate: count('--rate', command.rate) ?? 1000,
    match: share('--match', command.match),
    repeat: count('--repeat', command.repeat) ?? 1,
    disorder: share('--disorder', command.disorder),
    late: share('--late', command.late),
    lateBy: lateToleranceMs + 1000,
    size: count('--size', command.size) ?? 0,
    seed: count('--seed', command.seed) ?? 1,
  };
  const planned = plan(loadBackend(), query, { selectingSources: selecting, defaultTimeWindowMs });
  const stray = field.find(({ stream }) => !planned.streams.some(({ name }) => name === stream));
  if (stray) {
    const names = planned.streams.map(({ name }) => name).join(', ');
    throw new UsageError(`--field ${stray.stream}.…: the query has the streams ${names}`);
  }
  const tokens = highlight(query);
  const templates = templatesOf(query, parse(query), tokens, planned, field, shape.seed);
  await checkTemplates(templates, planned.streams, shape, selecting, planned.sources);
  const loaded: Loaded[] = [];
  const engines = count('--engines', command.engines) ?? 1;
  for (let at = 0; at < engines; at += 1) {
    const engine = new CorrelationEngine(options);
    const queues = planned.sources.map(() => new LoadQueue());
    for (const name of new Set(planned.sources.map(({ name }) => name))) {
      const read = planned.sources.flatMap((source, place): [string, LoadQueue][] => {
        const queue = queues[place];
        return source.name === name && queue ? [[source.selector ?? '', queue]] : [];
      });
      engine.addAdapter(name, loadSource(name, selecting.includes(name), new Map(read)));
    }
    const found = engine.correlate(query, { emit });
    const consume = async (counted: Counted) => {
      for await (const { revision } of found) {
        counted.deliveries += 1;
        if (revision === 1) counted.correlations += 1;
      }
    };
    const pacer = new Pacer(new Workload(templates, { ...shape, seed: shape.seed + at }), queues);
    loaded.push({ engine, pacer, consume });
  }
  try {
    return await measure(loaded, {
      rate: shape.rate,
      emit,
      warmupMs: millis('--warmup', command.warmup),
      durationMs: millis('--duration', command.duration),
      signal,
    });
  } finally {
    await Promise.all(loaded.map(({ engine }) => engine.destroy()));
  }
}

/** Tries one event of each stream, so that a load that no stream takes is told at once. */
async function checkTemplates(
  templates: readonly Template[],
  streams: readonly { selector: string }[],
  shape: Shape,
  selecting: readonly string[],
  sources: readonly { name: string }[],
): Promise<void> {
  const samples = new Workload(templates, { ...shape, repeat: 1, disorder: 0, late: 0 }).sample(
    Date.now(),
  );
  for (const [at, { template, line }] of samples.entries()) {
    const source = sources[template.source]?.name ?? '';
    if (selecting.includes(source)) continue;
    await using engine = new CorrelationEngine();
    const sample = Readable.from([Buffer.from(line)]);
    engine.addAdapter(source, new IterableAdapter(sample, { bounded: true, format: 'ndjson' }));
    const { selector = '' } = streams[at] ?? {};
    // No query reads one stream alone.
    engine.addAdapter(`${source}_`, []);
    await engine.run(`${source}(${selector}) and on(id) ${source}_({})`);
    if (engine.metrics().selected === 0) {
      throw new UsageError(
        `the selector of ${template.name} does not take the events made for it, such as ${line.trim()}; ` +
          `give labels with --field ${template.name}.LABEL=VALUE`,
      );
    }
  }
}

/** The options of an engine, from a file. */
function settingsOf(file: string): EngineOptions {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new SourceError(`the settings cannot be read: ${why}`);
  }
  try {
    const settings: EngineOptions = parseToml(text);
    resolveOptions(settings);
    return settings;
  } catch (error) {
    throw new UsageError(`${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function share(option: string, text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0 && value <= 1)) {
    throw new UsageError(`${option} ${text}: expected a share from 0 to 1, such as 0.05`);
  }
  return value;
}

function millis(option: string, text: string): number {
  return toMillis(duration(option, text) ?? 0) ?? 0;
}
