import type { PlanSummary } from '../backend.js';
import { loadBackend } from '#platform';
import { format, plan, render, validate } from '../query.js';
import { formatDuration } from '../time.js';
import { EXIT } from './failure.js';
import { colorsWanted, plural } from './terminal.js';
import { print } from './writer.js';

/** Shows what is wrong with a query, or what it reads. Gives the exit code. */
export async function checkQuery(
  query: string,
  { selecting: selectingSources = [] }: { selecting?: string[] },
): Promise<number> {
  const drawn = render(query, { color: colorsWanted(1), selectingSources }).trimEnd();
  const { valid } = validate(query, { selectingSources });
  const plans = valid ? describe(plan(loadBackend(), query, { selectingSources })) : '';
  await print([drawn, plans].filter((text) => text !== '').join('\n'));
  return valid ? EXIT.found : EXIT.usage;
}

/** Prints the canonical text of a query. Gives the exit code. */
export async function formatQuery(query: string): Promise<number> {
  await print(format(query));
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
