import type { PlanSummary } from '../backend.js';
import { loadBackend } from '../load/native.js';
import { plan, render, validate } from '../query.js';
import { formatDuration } from '../time.js';
import { EXIT } from './failure.js';
import { colorsWanted, plural } from './terminal.js';

/** Shows what is wrong with a query, or what it reads. Gives the exit code. */
export function checkQuery(query: string): number {
  const drawn = render(query, { color: colorsWanted() }).trimEnd();
  if (drawn !== '') {
    console.log(drawn);
  }
  if (!validate(query).valid) {
    return EXIT.usage;
  }
  console.log(describe(plan(loadBackend(), query, {})));
  return EXIT.found;
}

function describe({ streams, sources }: PlanSummary): string {
  const lines = streams.map(({ name, source, selector, rangeMs }) => {
    const from = sources[source]?.name ?? '';
    return `  ${name}: ${from}(${selector})[${formatDuration(rangeMs)}]`;
  });
  const total = `${plural(streams.length, 'stream')} of ${plural(sources.length, 'source')}`;
  return [`The query runs. It joins ${total}:`, ...lines].join('\n');
}
