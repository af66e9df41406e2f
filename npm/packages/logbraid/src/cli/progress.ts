import { statSync } from 'node:fs';

import { Presets, SingleBar } from 'cli-progress';

import type { CorrelationEngine } from '../engine.js';
import type { FileArgument } from './files.js';
import { shortBytes } from './terminal.js';

/** How often the bar is drawn. */
const INTERVAL_MS = 100;

/** A progress bar with rate and time left, on a terminal; nothing in a pipe, or where the size is not known. */
export class Progress {
  readonly #bar: SingleBar | undefined;
  readonly #timer: NodeJS.Timeout | undefined;

  constructor(engine: CorrelationEngine, files: readonly FileArgument[]) {
    const total = sizeOf(files);
    if (!process.stderr.isTTY || total === undefined || total === 0) {
      return;
    }
    const begun = performance.now();
    const bar = new SingleBar(
      {
        format: '{bar} {percentage}% | {read} of {size} | {rate}/s | {eta_formatted} left',
        stream: process.stderr,
        clearOnComplete: true,
        hideCursor: null,
        etaBuffer: 50,
      },
      Presets.shades_classic,
    );
    const payload = (bytes: number) => ({
      read: shortBytes(bytes),
      size: shortBytes(total),
      rate: shortBytes(Math.round((bytes * 1000) / Math.max(performance.now() - begun, 1))),
    });
    bar.start(total, 0, payload(0));
    this.#bar = bar;
    this.#timer = setInterval(() => {
      const { bytes } = engine.metrics();
      bar.update(Math.min(bytes, total), payload(bytes));
    }, INTERVAL_MS);
    this.#timer.unref();
  }

  /** Makes room for a line of output; the bar is back with its next tick. */
  clear(): void {
    if (this.#bar) process.stderr.write('\r\u001b[2K');
  }

  /** Takes the bar away. Idempotent. */
  stop(): void {
    clearInterval(this.#timer);
    this.#bar?.stop();
  }
}

function sizeOf(files: readonly FileArgument[]): number | undefined {
  let total = 0;
  for (const { path } of files) {
    const file = path === '-' ? undefined : statSync(path, { throwIfNoEntry: false });
    if (!file?.isFile()) return undefined;
    total += file.size;
  }
  return total;
}
