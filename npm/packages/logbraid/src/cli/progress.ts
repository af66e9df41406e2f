import { statSync } from 'node:fs';

import { MultiBar, Presets } from 'cli-progress';

import type { DataSourceAdapter } from '../adapters/adapter.js';
import type { CorrelationEngine } from '../engine.js';
import { shortBytes } from './terminal.js';

/** How often the bar is drawn. */
const INTERVAL_MS = 100;

/** A progress bar with rate and time left, on a terminal; nothing in a pipe, or where the size is not known. */
export class Progress {
  readonly #bars: MultiBar | undefined;
  readonly #timer: NodeJS.Timeout | undefined;

  constructor(engine: CorrelationEngine, sources: readonly DataSourceAdapter[]) {
    const total = sizeOf(sources);
    if (!process.stderr.isTTY || total === undefined || total === 0) {
      return;
    }
    const begun = performance.now();
    // Unlike a single bar it does not move the cursor back over what was printed meanwhile.
    const bars = new MultiBar(
      {
        format: '{bar} {percentage}% | {read} of {size} | {rate}/s | {eta_formatted} left',
        stream: process.stderr,
        barsize: 20,
        clearOnComplete: true,
        hideCursor: false,
        linewrap: true,
        gracefulExit: false,
        etaBuffer: 50,
      },
      Presets.shades_classic,
    );
    const payload = (bytes: number) => ({
      read: shortBytes(bytes),
      size: shortBytes(total),
      rate: shortBytes(Math.round((bytes * 1000) / Math.max(performance.now() - begun, 1))),
    });
    const bar = bars.create(total, 0, payload(0));
    this.#bars = bars;
    this.#timer = setInterval(() => {
      const { bytes } = engine.metrics();
      bar.update(Math.min(bytes, total), payload(bytes));
    }, INTERVAL_MS);
    this.#timer.unref();
  }

  /** Makes room for a line of output; the bar is back with its next tick. */
  clear(): void {
    if (this.#bars) process.stderr.write('\r\u001b[2K');
  }

  /** Takes the bar away. Idempotent. */
  stop(): void {
    clearInterval(this.#timer);
    this.#bars?.stop();
  }
}

/** Bytes of sources that are one plain file each. */
function sizeOf(sources: readonly DataSourceAdapter[]): number | undefined {
  let total = 0;
  for (const { file: path } of sources) {
    const file = path === undefined ? undefined : statSync(path, { throwIfNoEntry: false });
    if (!file?.isFile()) return undefined;
    total += file.size;
  }
  return total;
}
