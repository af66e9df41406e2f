import type { CorrelationEngine } from '../engine.js';
import type { FileArgument } from './arguments.js';
import { plural, sanitize, shortDuration } from './terminal.js';

interface Warning {
  count: number;
  text: (count: number) => string;
}

/** What is worth a warning, summed up by source and kind, with the first place. */
export class Warnings {
  readonly #found = new Map<string, Warning>();
  readonly #engine: CorrelationEngine;
  readonly #place: (source: string) => string;

  constructor(engine: CorrelationEngine, files: readonly FileArgument[]) {
    this.#engine = engine;
    const place = (source: string) => {
      const path = files.find(({ name }) => name === source)?.path ?? source;
      return path === '-' ? 'standard input' : path;
    };
    this.#place = place;
    engine.on('badLine', ({ source, code, message, line, byte, count }) => {
      this.#add(`${source} ${code}`, count, (total) => {
        const at =
          line === undefined ? '' : `, first at ${place(source)}:${line} (byte ${byte ?? 0})`;
        return `${source}: ${plural(total, 'bad line')} (${code})${at}: ${message}`;
      });
    });
    engine.on('lateEvent', ({ source, count, time, behindMs }) => {
      this.#add(`${source} late`, count, (total) => {
        const behind = shortDuration(BigInt(behindMs) * 1_000_000n);
        return (
          `${source}: ${plural(total, 'event')} came too late to be kept, the first of ${time} ` +
          `was ${behind} behind; a larger --late-tolerance keeps them`
        );
      });
    });
    engine.on('eventDropped', ({ source, reason, count, time }) => {
      this.#add(`${source} ${reason}`, count, (total) =>
        reason === 'evicted'
          ? `${source}: ${plural(total, 'event')} did not fit and were dropped, at first up to ${time}; ` +
            'a larger --max-memory or --max-events keeps them'
          : `${source}: ${plural(total, 'event')} belonged to correlations that were closed as truncated ` +
            `and were dropped, at first up to ${time}`,
      );
    });
    engine.on('adapterReconnect', ({ adapter, error }) => {
      this.#add(
        `${adapter} reconnect`,
        1,
        (total) =>
          `${adapter}: was interrupted ${plural(total, 'time')}, at first by ${error.message}`,
      );
    });
    engine.on('adapterGap', ({ adapter, from, to, reason }) => {
      this.#add(
        `${adapter} gap`,
        1,
        (total) =>
          `${adapter}: events may be missing in ${plural(total, 'gap')}, the first from ${from} to ${to}: ${reason}`,
      );
    });
    engine.on('runsBackwards', ({ source, events, late }) => {
      this.#add(
        `${source} backwards`,
        1,
        () =>
          `${source}: ${place(source)} runs backwards in time (${late} of ${events} events are late); ` +
          'sort it by time first, for example with: tac',
      );
    });
  }

  /** Where nothing was found, a source without an event is why, mostly. */
  noteEmpty(): void {
    for (const [source, { events }] of Object.entries(this.#engine.metrics().sources)) {
      if (events > 0) continue;
      this.#add(
        `${source} empty`,
        1,
        () => `${source}: there is no event in ${this.#place(source)}`,
      );
    }
  }

  /** The lines to show. */
  lines(): string[] {
    return [...this.#found.values()].map(({ count, text }) => `warning: ${sanitize(text(count))}`);
  }

  #add(key: string, count: number, text: (count: number) => string): void {
    const known = this.#found.get(key);
    if (known) {
      known.count += count;
    } else {
      this.#found.set(key, { count, text });
    }
  }
}
