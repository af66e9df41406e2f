import { byId, setText } from './dom.js';
import { bytes, number, short } from './format.js';
import type { Results } from './results.js';
import type { RunMetrics } from './run.js';

/** The figures of the last run. */
export class Counters {
  readonly #progress = byId('progress', HTMLProgressElement);

  /** A run begins that has so many bytes to read. */
  start(size: number): void {
    this.#progress.max = size;
    this.#progress.value = 0;
    for (const id of ['events', 'rate', 'late', 'bad']) setText(byId(`count-${id}`), '0');
  }

  setRunning(isRunning: boolean): void {
    this.#progress.hidden = !isRunning;
  }

  found({ found, partial }: Results): void {
    setText(byId('count-found'), number(found));
    setText(byId('count-partial'), number(partial));
  }

  counted({ seconds, bytes: read, events, late, badLines, peakMemory }: RunMetrics): void {
    this.#progress.value = read;
    setText(byId('count-events'), number(events));
    setText(byId('count-rate'), seconds > 0 ? short(events / seconds) : '0');
    setText(byId('count-memory'), bytes(peakMemory));
    this.#setBad('late', late);
    this.#setBad('bad', badLines);
  }

  #setBad(id: 'late' | 'bad', count: number): void {
    const counter = byId(`count-${id}`);
    setText(counter, number(count));
    counter.classList.toggle('warning', count > 0);
  }
}
