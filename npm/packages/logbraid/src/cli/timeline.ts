import type { Colors, Formatter } from 'picocolors/types.js';

import type { CorrelatedEvent, Correlation } from '../correlation.js';
import type { Target } from './output.js';
import { plural, sanitize, shortDuration } from './terminal.js';
import { cut, pad, stringWidth } from './width.js';

/** Labels that hold the level, in the order they are looked at. */
const LEVEL = ['level', 'severity', 'detected_level', 'log.level'];

/** One correlation as a timeline: a head, its labels, then a line per event with its offset from the first. */
export function timeline(correlation: Correlation, { colors, columns }: Target): string {
  const { events } = correlation;
  const first = events[0]?.timestampNs ?? 0n;
  const rows = events.map((event) => ({
    offset: `+${shortDuration(event.timestampNs - first)}`,
    name: sanitize(nameOf(event)),
    level: sanitize(levelOf(event)),
    message: sanitize(messageOf(event, correlation.joinKeys)),
  }));
  const width = (of: (row: (typeof rows)[number]) => string) =>
    rows.reduce((widest, row) => Math.max(widest, stringWidth(of(row))), 0);
  const offsets = width((row) => row.offset);
  const names = width((row) => row.name);
  const levels = width((row) => row.level);
  const lines = rows.map((row) => {
    const lead = `  ${row.offset.padStart(offsets)}  `;
    const before = offsets + names + levels + (levels > 0 ? 8 : 6);
    const room = columns === undefined ? Infinity : Math.max(columns - before, 10);
    const level = levels > 0 ? `  ${paint(row.level, colors)(pad(row.level, levels))}` : '';
    const message = cut(row.message, room);
    return `${colors.dim(lead)}${colors.cyan(pad(row.name, names))}${level}  ${message}`.trimEnd();
  });
  return `${[head(correlation, colors, columns), ...lines].join('\n')}\n\n`;
}

function head(correlation: Correlation, colors: Colors, columns: number | undefined): string {
  const { events, joinKey, joinValue, metadata, revision, final, correlationId } = correlation;
  const last = events.at(-1)?.timestampNs ?? 0n;
  const span = shortDuration(last - (events[0]?.timestampNs ?? 0n));
  const key = joinValue === '' ? 'no key' : sanitize(`${joinKey}=${joinValue}`);
  const state = final ? [] : [`revision ${revision}`];
  const truncated = correlation.truncated ? ['truncated'] : [];
  const facts = [
    metadata.completeness,
    plural(correlation.eventCount, 'event'),
    span,
    ...state,
    ...truncated,
    `id ${correlationId}`,
  ].join(' · ');
  const start = correlation.timestamp.replace(/0{1,6}Z$/, 'Z');
  const room = columns === undefined ? Infinity : Math.max(columns - 2, 10);
  const shown = cut(key, room);
  const labels = Object.entries(correlation.labels).map((pair) => pair.join('='));
  const lines = [`${start} · ${facts}`, ...(labels.length > 0 ? [sanitize(labels.join(' '))] : [])];
  return [colors.bold(shown), ...lines.map((line) => `  ${colors.dim(cut(line, room))}`)].join(
    '\n',
  );
}

function nameOf(event: CorrelatedEvent): string {
  return event.alias ?? event.source;
}

function levelOf({ labels }: CorrelatedEvent): string {
  const name = LEVEL.find((one) => Object.hasOwn(labels, one) && labels[one] !== '');
  return name === undefined ? '' : (labels[name] ?? '');
}

/** What an event says; one without a message, such as an access log line, says its labels, less the keys. */
function messageOf({ message, labels }: CorrelatedEvent, keys: object): string {
  if (message !== '') {
    return message;
  }
  const said = Object.entries(labels).filter(
    ([name]) => !LEVEL.includes(name) && !Object.hasOwn(keys, name),
  );
  return said.map(([name, value]) => `${name}=${value}`).join(' ');
}

function paint(level: string, colors: Colors): Formatter {
  if (/^(fatal|panic|crit|alert|emerg|err)/i.test(level)) return colors.red;
  if (/^warn/i.test(level)) return colors.yellow;
  return colors.green;
}
