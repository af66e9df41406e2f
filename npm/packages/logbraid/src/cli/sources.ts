import { FileAdapter } from '../adapters/file.js';
import type { Inspection } from '../backend.js';
import { inspect } from '../inspect.js';
import { EXIT } from './failure.js';
import type { FileArgument } from './arguments.js';
import { plural, sanitize, shortBytes, shortDuration } from './terminal.js';
import { print } from './writer.js';

/** Shows what is in files. Gives the exit code: 1 when none holds an event. */
export async function showSources(files: FileArgument[], json: boolean): Promise<number> {
  const found: (Inspection & { name: string; path: string })[] = [];
  for (const file of files) {
    found.push({ name: file.name, path: file.path, ...(await look(file)) });
  }
  await print(json ? JSON.stringify(found, null, 2) : found.map(describe).join('\n\n'));
  return found.some(({ events }) => events > 0) ? EXIT.found : EXIT.nothing;
}

function look({ path, decoder }: FileArgument): Promise<Inspection> {
  const file = new FileAdapter(path, decoder);
  return inspect(file.read(), file.decoder);
}

function describe(found: Inspection & { name: string; path: string }): string {
  const { name, events, badLines, outOfOrder, bytes, firstTime, lastTime, labels } = found;
  const rate = found.spanNs > 0 ? `, ${(events / (found.spanNs / 1e9)).toFixed(1)} events/s` : '';
  const span = shortDuration(BigInt(Math.round(found.spanNs)));
  const lines: [string, string][] = [
    ['format', found.format ?? 'none found'],
    ['time', found.timeField ?? (events > 0 ? 'at the start of the line' : 'none found')],
    ['size', `${shortBytes(bytes)}, ${plural(events, 'event')}${rate}`],
  ];
  if (firstTime !== null && lastTime !== null) {
    lines.push(['span', `${firstTime} to ${lastTime} (${span})`]);
  }
  if (outOfOrder > 0) {
    lines.push(['order', `${plural(outOfOrder, 'event')} older than the one before`]);
  }
  const [bad] = found.badLineSamples;
  if (bad) {
    const place = `line ${bad.line}, byte ${bad.byte}`;
    lines.push(['bad', `${plural(badLines, 'line')}, the first at ${place}: ${bad.message}`]);
  }
  const text = lines.map(([what, value]) => `  ${what.padEnd(7)} ${sanitize(value)}`);
  const header = `${name}: ${sanitize(found.path)}`;
  const listed = labels.map((label) => `    ${labelLine(label)}`);
  const more = found.moreLabels ? ['    and more'] : [];
  return [header, ...text, ...(labels.length > 0 ? ['  labels'] : []), ...listed, ...more].join(
    '\n',
  );
}

function labelLine({ name, events, values, only }: Inspection['labels'][number]): string {
  const count = values === null ? 'many values' : plural(values, 'value');
  const what = only === null ? count : `always ${JSON.stringify(only)}`;
  return sanitize(`${name.padEnd(20)} ${plural(events, 'event').padEnd(14)} ${what}`);
}
