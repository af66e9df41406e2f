import os from 'node:os';

import bytes from 'bytes';
import colors from 'picocolors';

import { CorrelationEngine } from '../engine.js';
import { MAX_MEMORY_MB, MAX_THREADS } from '../options.js';
import type { EngineOptions } from '../options.js';
import type { PresetName } from '../presets.js';
import { render } from '../query.js';
import type { Emit } from '../types.js';
import { adapterOf, SERVERS } from './adapters.js';
import { count, duration, time } from './arguments.js';
import type { FileArgument, OutputName, ServerArgument } from './arguments.js';
import { readConfig } from './config.js';
import { EXIT, UsageError } from './failure.js';
import { createOutput } from './output.js';
import { Progress } from './progress.js';
import { colorsWanted } from './terminal.js';
import { Warnings } from './warnings.js';
import { OutputClosed, Writer } from './writer.js';

/** Options of `logbraid run`. */
export interface RunOptions {
  file?: FileArgument[];
  http?: ServerArgument[];
  loki?: ServerArgument[];
  graylog?: ServerArgument[];
  prometheus?: ServerArgument[];
  config?: string;
  follow?: boolean;
  preset?: PresetName;
  output: OutputName;
  start?: string;
  end?: string;
  limit?: string;
  emit?: Emit;
  lateTolerance?: string;
  late?: 'match' | 'drop';
  dedupe?: boolean;
  maxMemory?: string;
  maxEvents?: string;
  overflow?: 'evict' | 'block';
  maxPerCorrelation?: string;
  threads?: string;
  stats?: boolean;
}

/** Runs a query over files and servers and shows what it finds. Gives the exit code. */
export async function runQuery(query: string, options: RunOptions): Promise<number> {
  const files = options.file ?? [];
  const begun = performance.now();
  const follow = options.follow ?? false;
  const config = options.config === undefined ? undefined : readConfig(options.config, follow);
  const chosen: EngineOptions = {
    preset: options.preset,
    lateTolerance: duration('--late-tolerance', options.lateTolerance),
    late: options.late,
    dedupe: options.dedupe,
    maxMemoryMB:
      memory(options.maxMemory) ??
      (options.preset || config?.engine.maxMemoryMB !== undefined ? undefined : machineMemory()),
    maxEvents: count('--max-events', options.maxEvents),
    overflow: options.overflow,
    maxEventsPerCorrelation: count('--max-per-correlation', options.maxPerCorrelation),
    threads:
      count('--threads', options.threads) ??
      (config?.engine.threads === undefined ? processors() : undefined),
  };
  const given = Object.entries(chosen).filter(([, value]) => value !== undefined);
  await using engine = new CorrelationEngine({ ...config?.engine, ...Object.fromEntries(given) });
  const emit = options.emit ?? (follow ? 'eager' : undefined);
  const adapters = files.map((file) => adapterOf(file, follow));
  for (const [at, adapter] of adapters.entries()) engine.addAdapter(files[at]?.name ?? '', adapter);
  const { http = [], loki = [], graylog = [], prometheus = [] } = options;
  const servers = [...http, ...loki, ...graylog, ...prometheus];
  for (const { kind, name, url } of servers) {
    engine.addAdapter(name, SERVERS[kind]({ url }, follow));
  }
  for (const [name, adapter] of config?.adapters ?? []) engine.addAdapter(name, adapter);
  const interrupt = new AbortController();
  const found = engine.correlate(query, {
    signal: interrupt.signal,
    emit,
    start: time('--start', options.start),
    end: time('--end', options.end),
    limit: count('--limit', options.limit),
  });
  // A query that runs may still be doubtful.
  const doubts = render(query, { color: colorsWanted(2) }).trimEnd();
  if (doubts !== '') console.error(doubts);
  const warnings = new Warnings(engine, files);
  const progress = new Progress(engine, servers.length > 0 || config ? [] : adapters);
  const writer = new Writer(process.stdout, () => {
    progress.clear();
  });
  const output = createOutput(options.output, {
    writer,
    colors: colors.createColors(colorsWanted(1)),
    // Some terminals do not know their size and say 0.
    columns: process.stdout.isTTY ? process.stdout.columns || 80 : undefined,
    eager: emit === 'eager',
  });
  // A second interrupt ends the process at once.
  process.once('SIGINT', () => {
    interrupt.abort();
  });
  let shown = 0;
  try {
    for await (const correlation of found) {
      await output.show(correlation);
      shown += 1;
    }
    await output.end();
    if (shown === 0) warnings.noteEmpty();
  } catch (error) {
    if (error instanceof OutputClosed) {
      return EXIT.found;
    }
    if (shown > 0 || interrupt.signal.aborted) {
      await output.end();
    }
    if (!interrupt.signal.aborted) {
      throw error;
    }
  } finally {
    progress.stop();
    for (const line of warnings.lines()) {
      console.error(line);
    }
  }
  if (options.stats) {
    const { events, bytes: read, correlations, badLines, late, peakMemory } = engine.metrics();
    const seconds = (performance.now() - begun) / 1000;
    const stats = { seconds, events, bytes: read, correlations, badLines, late };
    const peak = process.resourceUsage().maxRSS * 1024;
    console.error(JSON.stringify({ ...stats, engineBytes: peakMemory, processBytes: peak }));
  }
  if (interrupt.signal.aborted) {
    return EXIT.interrupted;
  }
  return shown > 0 ? EXIT.found : EXIT.nothing;
}

/** A command that runs by itself uses all that there are. */
function processors(): number {
  return Math.min(os.availableParallelism(), MAX_THREADS);
}

/** Half of what there is, in MiB: the default bound of a command that runs by itself. */
function machineMemory(): number {
  // In a container the machine is smaller than it looks.
  const limit = process.constrainedMemory();
  const half = Math.min(os.totalmem(), limit > 0 ? limit : Infinity) / 2;
  return Math.min(half / (1 << 20), MAX_MEMORY_MB);
}

/** A bound on memory, in MiB. */
function memory(size: string | undefined): number | undefined {
  if (size === undefined) {
    return undefined;
  }
  const [, number = '', unit = ''] = /^(\d+(?:\.\d+)?) ?([kmgt])(?:i?b)?$/i.exec(size) ?? [];
  const parsed = bytes.parse(`${number}${unit}b`);
  if (parsed === null || parsed <= 0) {
    throw new UsageError(`--max-memory ${size}: expected a size such as 512MiB or 2GiB`);
  }
  const given = parsed / (1 << 20);
  if (given > MAX_MEMORY_MB) {
    throw new UsageError(`--max-memory ${size}: expected at most ${MAX_MEMORY_MB}MiB`);
  }
  return given;
}
