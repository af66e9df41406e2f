import CliTable from 'cli-table3';

import type { Correlation } from '../correlation.js';
import type { Output, Target } from './output.js';
import { cut, sanitize, shortDuration } from './terminal.js';

/** Rows of one table; after that a new one begins, so that memory stays bounded. */
const ROWS = 1000;

/** Widest a cell gets. */
const CELL = 48;

/** A row for each correlation. */
export class Table implements Output {
  readonly #target: Target;
  #table: CliTable.Table;

  constructor(target: Target) {
    this.#target = target;
    this.#table = this.#empty();
  }

  async show(correlation: Correlation): Promise<void> {
    const { timeWindow, joinKey, joinValue, metadata, events } = correlation;
    const span = (events.at(-1)?.timestampNs ?? 0n) - (events[0]?.timestampNs ?? 0n);
    const row = [
      timeWindow.start.replace(/0{1,6}Z$/, 'Z'),
      joinValue === '' ? '' : `${joinKey}=${joinValue}`,
      metadata.completeness,
      String(correlation.eventCount),
      shortDuration(span),
      metadata.matchedStreams.join(' '),
      correlation.correlationId,
    ];
    this.#table.push(row.map((cell) => cut(sanitize(cell), CELL)));
    if (this.#table.length === ROWS) {
      await this.#write();
    }
  }

  async end(): Promise<void> {
    if (this.#table.length > 0) {
      await this.#write();
    }
    await this.#target.writer.flush();
  }

  #empty(): CliTable.Table {
    const { colors } = this.#target;
    return new CliTable({
      head: ['start', 'key', 'completeness', 'events', 'duration', 'streams', 'id'].map(
        colors.bold,
      ),
      colAligns: ['left', 'left', 'left', 'right', 'right', 'left', 'left'],
      style: { head: [], border: [], compact: true },
    });
  }

  async #write(): Promise<void> {
    await this.#target.writer.write(`${this.#table.toString()}\n`);
    this.#table = this.#empty();
  }
}
