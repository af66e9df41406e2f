import CliTable from 'cli-table3';

import type { Correlation } from '../correlation.js';
import type { Output, Target } from './output.js';
import { sanitize, shortDuration } from './terminal.js';
import { cut } from './width.js';

/** Rows of one table; after that a new one begins, so that memory stays bounded. */
const ROWS = 1000;

/** Widest a cell gets. */
const CELL = 48;

const COLUMNS = [
  { head: 'start', align: 'left' },
  { head: 'key', align: 'left' },
  { head: 'labels', align: 'left' },
  { head: 'completeness', align: 'left' },
  { head: 'events', align: 'right' },
  { head: 'duration', align: 'right' },
  { head: 'streams', align: 'left' },
  { head: 'id', align: 'left' },
] as const;

/** The column that is left out of a table in which it says nothing. */
const LABELS = COLUMNS.findIndex(({ head }) => head === 'labels');

/** A row for each correlation. */
export class Table implements Output {
  readonly #target: Target;
  #rows: string[][] = [];

  constructor(target: Target) {
    this.#target = target;
  }

  async show(correlation: Correlation): Promise<void> {
    const { timeWindow, joinKey, joinValue, metadata, events } = correlation;
    const span = (events.at(-1)?.timestampNs ?? 0n) - (events[0]?.timestampNs ?? 0n);
    const row = [
      timeWindow.start.replace(/0{1,6}Z$/, 'Z'),
      joinValue === '' ? '' : `${joinKey}=${joinValue}`,
      Object.entries(correlation.labels)
        .map((pair) => pair.join('='))
        .join(' '),
      metadata.completeness,
      String(correlation.eventCount),
      shortDuration(span),
      metadata.matchedStreams.join(' '),
      correlation.correlationId,
    ];
    this.#rows.push(row.map((cell) => cut(sanitize(cell), CELL)));
    if (this.#rows.length === ROWS) {
      await this.#write();
    }
  }

  async end(): Promise<void> {
    if (this.#rows.length > 0) {
      await this.#write();
    }
    await this.#target.writer.flush();
  }

  async #write(): Promise<void> {
    const { colors, writer } = this.#target;
    const hasLabels = this.#rows.some((row) => row[LABELS] !== '');
    const shown = <T>(row: readonly T[]) => row.filter((_, at) => hasLabels || at !== LABELS);
    const columns = shown(COLUMNS);
    const table = new CliTable({
      head: columns.map(({ head }) => colors.bold(head)),
      colAligns: columns.map(({ align }) => align),
      style: { head: [], border: [], compact: true },
    });
    table.push(...this.#rows.map(shown));
    this.#rows = [];
    await writer.write(`${table.toString()}\n`);
  }
}
