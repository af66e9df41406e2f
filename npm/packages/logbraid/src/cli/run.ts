import os from 'node:os';

import bytes from 'bytes';
import colors from 'picocolors';

import { CorrelationEngine } from '../engine.js';
import type { Emit } from '../types.js';
import { EXIT, UsageError } from './failure.js';
import { adapterOf } from './files.js';
import type { FileArgument } from './files.js';
import type { OutputName } from './output.js';
import { createOutput } from './output.js';
import { Progress } from './progress.js';
import { colorsWanted } from './terminal.js';
import { Warnings } from './warnings.js';
import { OutputClosed, Writer } from './writer.js';

/** Options of `logbraid run`. */
export interface RunOptions {
  file?: FileArgument[];
  output: OutputName;
  start?: string;
  end?: string;
  limit?: string;
  emit?: Emit;
  lateTolerance?: string;
  maxMemory?: string;
  stats?: boolean;
}

/** Runs a query over files and shows what it finds. Gives the exit code. */
export async function runQuery(query: string, options: RunOptions): Promise<number> {
  const files = options.file ?? [];
  const begun = performance.now();
  await using engine = new CorrelationEngine({
    lateTolerance: options.lateTolerance,
    maxMemoryMB: memory(options.maxMemory),
  });
  for (const file of files) {
    engine.addAdapter(file.name, adapterOf(file));
  }
  const interrupt = new AbortController();
  const found = engine.correlate(query, {
    signal: interrupt.signal,
    emit: options.emit,
    start: options.start,
    end: options.end,
    limit: options.limit === undefined ? undefined : Number(options.limit),
  });
  const warnings = new Warnings(engine, files);
  const progress = new Progress(engine, files);
  const writer = new Writer(process.stdout, () => {
    progress.clear();
  });
  const output = createOutput(options.output, {
    writer,
    colors: colors.createColors(colorsWanted()),
    // Some terminals do not know their size and say 0.
    columns: process.stdout.isTTY ? process.stdout.columns || 80 : undefined,
    eager: options.emit === 'eager',
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

/** The bound on memory, in MiB. */
function memory(size: string | undefined): number {
  if (size === undefined) {
    // In a container the machine is smaller than it looks.
    const limit = process.constrainedMemory();
    return Math.min(os.totalmem(), limit > 0 ? limit : Infinity) / 2 / (1 << 20);
  }
  const parsed = /[a-z]$/i.test(size) ? bytes.parse(size) : null;
  if (parsed === null || parsed <= 0) {
    throw new UsageError(`--max-memory ${size}: expected a size such as 512MB or 2GB`);
  }
  return parsed / (1 << 20);
}
