import type { Colors } from 'picocolors/types.js';

import type { Correlation } from '../correlation.js';
import type { OutputName } from './arguments.js';
import { escapeJson, plural } from './terminal.js';
import { Table } from './table.js';
import { timeline } from './timeline.js';
import type { Writer } from './writer.js';

/** Where to, and how. */
export interface Target {
  writer: Writer;
  colors: Colors;
  /** Columns of the terminal; `undefined` where the output is none. */
  columns: number | undefined;
  /** Whether a correlation may come again, grown. */
  eager: boolean;
}

/** Shows correlations one by one, in bounded memory. */
export interface Output {
  show(correlation: Correlation): Promise<void>;
  /** After the last one, also where the query was interrupted. */
  end(): Promise<void>;
}

/** The output of that name. */
export function createOutput(name: OutputName, target: Target): Output {
  const { writer, columns } = target;
  const safe = columns === undefined ? (json: string) => json : escapeJson;
  switch (name) {
    case 'timeline':
      return {
        show: (correlation) => writer.write(timeline(correlation, target)),
        end: () => writer.flush(),
      };
    case 'table':
      return new Table(target);
    case 'ndjson':
      return {
        show: (correlation) => writer.write(`${safe(correlation.toLine())}\n`),
        end: () => writer.flush(),
      };
    case 'json':
      return jsonArray(writer, safe);
    case 'count':
      return counter(target);
  }
}

function jsonArray(writer: Writer, safe: (json: string) => string): Output {
  // Whole lines, because a progress bar may be drawn between two writes.
  let begin = '[\n';
  return {
    async show(correlation) {
      await writer.write(`${begin}${safe(correlation.toLine())}\n`);
      begin = ',';
    },
    async end() {
      await writer.write(begin === ',' ? ']\n' : '[]\n');
      await writer.flush();
    },
  };
}

/** Counts the last revision of each correlation; decodes nothing where there is only one. */
function counter({ writer, eager }: Target): Output {
  /** Events of correlations that may still grow, by id. */
  const open = new Map<string, number>();
  let correlations = 0;
  let events = 0;
  return {
    show(correlation) {
      if (eager) {
        for (const id of [correlation.correlationId, ...correlation.replaces]) {
          const before = open.get(id);
          if (before !== undefined) {
            correlations -= 1;
            events -= before;
            open.delete(id);
          }
        }
      }
      correlations += 1;
      events += correlation.eventCount;
      if (eager && !correlation.final) open.set(correlation.correlationId, correlation.eventCount);
      return Promise.resolve();
    },
    async end() {
      await writer.write(`${plural(correlations, 'correlation')}, ${plural(events, 'event')}\n`);
      await writer.flush();
    },
  };
}
