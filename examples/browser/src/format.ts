const integers = new Intl.NumberFormat('en');
const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 });

/** `1,455`. */
export function number(value: number): string {
  return integers.format(value);
}

/** `1.2M`. */
export function short(value: number): string {
  return compact.format(value);
}

/** `1 event`, `1,455 events`. */
export function plural(count: number, word: string): string {
  return `${number(count)} ${word}${count === 1 ? '' : 's'}`;
}

const UNITS = ['B', 'KB', 'MB', 'GB', 'TB'];

/** `446 KB`: by 1,024, as everywhere in this package. */
export function bytes(value: number): string {
  let size = value;
  let unit = 0;
  while (size >= 1000 && unit < UNITS.length - 1) {
    size /= 1024;
    unit += 1;
  }
  return `${Number(size.toPrecision(3))} ${UNITS[unit] ?? ''}`;
}

/** A length of time of so many milliseconds: three digits or so, in the units that fit. */
export function duration(millis: number): string {
  if (millis < 1000) return `${Number(millis.toPrecision(3))} ms`;
  if (millis < 60_000) return `${Number((millis / 1000).toPrecision(3))} s`;
  const seconds = Math.round(millis / 1000);
  const parts = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'm'],
    [seconds % 60, 's'],
  ] as const;
  const first = parts.findIndex(([count]) => count > 0);
  return parts
    .slice(first, first + 2)
    .map(([count, unit]) => `${count}${unit}`)
    .join(' ');
}

/** `21:20:09.364` of a time in milliseconds since the epoch, in UTC. */
export function clock(millis: number): string {
  return iso(millis).slice(11, 23);
}

/** `2026-11-20 21:20:09.364`, in UTC. */
export function moment(millis: number): string {
  return iso(millis).replace('T', ' ').slice(0, -1);
}

/** The farthest that a `Date` goes, in milliseconds; logs may claim more. */
const FARTHEST = 8.64e15;

function iso(millis: number): string {
  return new Date(Math.min(Math.max(millis, -FARTHEST), FARTHEST)).toISOString();
}
