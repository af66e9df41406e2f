import type { CorrelationJson } from 'logbraid';

import { Growing } from './growing.js';
import type { Results } from './results.js';

/** Which results are shown. */
export interface Filter {
  /** Results that say this somewhere, in any case; empty for all. */
  text: string;
  completeness: 'all' | 'complete' | 'partial';
}

/** Results looked at before the clock is. */
const STEP = 64;

const decoder = new TextDecoder();

/** The results that a filter lets through, in the order they were found. */
export class Shown {
  readonly #results: Results;
  readonly #indexes = new Growing(Uint32Array);
  #filter: Filter = { text: '', completeness: 'all' };
  /** Results that have been looked at. */
  #seen = 0;

  constructor(results: Results) {
    this.#results = results;
  }

  /** How many are shown. */
  get length(): number {
    return this.#indexes.length;
  }

  get filter(): Filter {
    return this.#filter;
  }

  /** Whether there are results that have not been looked at. */
  get isBehind(): boolean {
    return this.#seen < this.#results.length;
  }

  /** The result in a row. */
  at(row: number): number {
    return this.#indexes.at(row);
  }

  /** The row of a result; -1 where it is not shown. */
  rowOf(index: number): number {
    let low = 0;
    let high = this.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const found = this.at(middle);
      if (found === index) return middle;
      if (found < index) low = middle + 1;
      else high = middle - 1;
    }
    return -1;
  }

  /** Begins anew, with a filter. */
  restart(filter: Filter = this.#filter): void {
    this.#filter = { ...filter, text: filter.text.toLowerCase() };
    this.#indexes.clear();
    this.#seen = 0;
  }

  /** Looks at more results, for about so many milliseconds. */
  advance(millis: number): void {
    const until = performance.now() + millis;
    while (this.isBehind && performance.now() < until) {
      const end = Math.min(this.#seen + STEP, this.#results.length);
      for (; this.#seen < end; this.#seen += 1) {
        if (this.#passes(this.#seen)) this.#indexes.push(this.#seen);
      }
    }
  }

  #passes(index: number): boolean {
    const { text, completeness } = this.#filter;
    const isPartial = this.#results.isPartial(index);
    if (completeness !== 'all' && isPartial !== (completeness === 'partial')) return false;
    if (text === '') return true;
    // Most lines do not have the text at all; of those that do, it may be in the name of a field. What is shown
    // as `name=value` is apart there.
    const line = decoder.decode(this.#results.line(index));
    const lower = line.toLowerCase();
    const parts = text.split('=').map((part) => JSON.stringify(part).slice(1, -1));
    const mayBe = parts.every((part) => lower.includes(part));
    return mayBe && says(JSON.parse(line) as CorrelationJson, text);
  }
}

/** Whether what is shown of a correlation has a text in it. */
function says(correlation: CorrelationJson, text: string): boolean {
  const { correlationId, joinKey, joinValue, labels, events } = correlation;
  const has = (said: string) => said.toLowerCase().includes(text);
  const hasLabel = (of: Record<string, string>) =>
    Object.entries(of).some(([name, value]) => has(name) || has(value) || has(`${name}=${value}`));
  return (
    [correlationId, joinValue, `${joinKey}=${joinValue}`].some(has) ||
    hasLabel(labels) ||
    events.some(
      (event) =>
        has(event.message) ||
        has(event.timestamp) ||
        has(event.alias ?? event.stream) ||
        hasLabel(event.labels),
    )
  );
}
