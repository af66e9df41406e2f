import type { DurationInput, TimeInput } from './types.js';

/** A point in time as it crosses into the engine. */
export interface Instant {
  /** Whole milliseconds since the epoch. */
  millis: number;
  /** Nanoseconds within the millisecond. */
  nanos: number;
}

/** Longest delay of a timer. */
export const MAX_DELAY_MS = 2 ** 31 - 1;

const RFC_3339 =
  /^(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d(?::\d\d)?)(?:[.,](\d{1,9})\d*)?\s*([Zz]|[+-]\d\d(?::?\d\d)?|UTC|GMT)?)?$/;

/** What the engine can count: 64-bit nanoseconds. */
const MAX_MILLIS = 9_223_372_036_854;

/** A point in time; `undefined` for what is none. */
export function toInstant(value: unknown): Instant | undefined {
  let instant: Instant | undefined;
  if (typeof value === 'string') {
    instant = parseUsual(value) ?? parseTime(value);
  } else if (typeof value === 'number') {
    const millis = Math.floor(value);
    instant = { millis, nanos: Math.min(Math.round((value - millis) * 1e6), 999_999) };
  } else if (typeof value === 'bigint') {
    const nanos = ((value % 1_000_000n) + 1_000_000n) % 1_000_000n;
    instant = { millis: Number((value - nanos) / 1_000_000n), nanos: Number(nanos) };
  } else if (value instanceof Date) {
    instant = { millis: value.getTime(), nanos: 0 };
  }
  return instant && Math.abs(instant.millis) <= MAX_MILLIS ? instant : undefined;
}

/**
 * Whether a text looks like what most programs write, `2026-01-01T00:00:00Z` or with digits after a point: the
 * engine reads that, or says that it is something else.
 */
export function isUsualTime(text: string): boolean {
  const { length } = text;
  return length >= 20 && length <= 30 && text.charCodeAt(length - 1) === 0x5a;
}

/** The minute that was read last, as its text and in milliseconds: times mostly come nearly in order. */
let minute = '';
let minuteMillis = 0;

/** As {@link parseTime}, of what most programs write: `2026-01-01T00:00:00Z`, or with digits after a point. */
function parseUsual(text: string): Instant | undefined {
  const end = text.length - 1;
  if (end < 19 || text.charCodeAt(end) !== 0x5a || text.charCodeAt(16) !== 0x3a) {
    return undefined;
  }
  // Faster than `startsWith`.
  const own = text.slice(0, 16);
  if (own !== minute) {
    const read = parseTime(own);
    if (!read) return undefined;
    minute = own;
    minuteMillis = read.millis;
  }
  const [tens, ones] = [digit(text, 17), digit(text, 18)];
  if (!(tens < 6 && ones < 10) || (end > 19 && (end < 21 || text.charCodeAt(19) !== 0x2e))) {
    return undefined;
  }
  let nanos = 0;
  for (let at = 20; at < end; at += 1) {
    const next = digit(text, at);
    if (next > 9) return undefined;
    if (at < 29) nanos = nanos * 10 + next;
  }
  for (let at = Math.max(end, 20); at < 29; at += 1) nanos *= 10;
  const millis = Math.floor(nanos / 1e6);
  return {
    millis: minuteMillis + (tens * 10 + ones) * 1000 + millis,
    nanos: nanos - millis * 1e6,
  };
}

/** The value of a digit; more than 9 for anything else. */
function digit(text: string, at: number): number {
  return (text.charCodeAt(at) - 0x30) >>> 0;
}

function parseTime(text: string): Instant | undefined {
  const match = RFC_3339.exec(text);
  if (!match) {
    return undefined;
  }
  const [, date = '', clock = '00:00:00', fraction = '', zone = 'Z'] = match;
  const offset = /^[+-]\d\d$/.test(zone) ? `${zone}:00` : /^[A-Za-z]/.test(zone) ? 'Z' : zone;
  const seconds = clock.length === 5 ? `${clock}:00` : clock;
  const digits = fraction.padEnd(9, '0');
  const millis = Date.parse(`${date}T${seconds}.${digits.slice(0, 3)}${offset}`);
  return Number.isNaN(millis) ? undefined : { millis, nanos: Number(digits.slice(3)) };
}

/** Nanoseconds since the epoch as text; `undefined` for what is no time. */
export function toNanos(value: TimeInput): string | undefined {
  const instant = toInstant(value);
  return instant && String(BigInt(instant.millis) * 1_000_000n + BigInt(instant.nanos));
}

const UNITS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  ms: 1,
  s: 1e3,
  m: 60e3,
  h: 3600e3,
  d: 86_400e3,
  w: 604_800e3,
};

/** Milliseconds of a duration; `undefined` for what is none. */
export function toMillis(value: DurationInput): number | undefined {
  if (typeof value === 'number') {
    return Number.isFinite(value) && value >= 0 ? value : undefined;
  }
  if (!/^(?:\d+(?:\.\d+)?(?:ns|us|ms|[smhdw]))+$/.test(value)) {
    return undefined;
  }
  let millis = 0;
  for (const [, number = '', unit = ''] of value.matchAll(/([\d.]+)([a-z]+)/g)) {
    millis += Number(number) * (UNITS[unit] ?? Number.NaN);
  }
  return millis;
}

/** A duration as a query would write it, such as `1h30m`. */
export function formatDuration(millis: number): string {
  let rest = Math.round(millis * 1e6);
  let text = '';
  for (const unit of ['h', 'm', 's', 'ms', 'us', 'ns']) {
    const size = (UNITS[unit] ?? 1) * 1e6;
    const count = Math.floor(rest / size);
    if (count > 0) {
      text += `${count}${unit}`;
      rest -= count * size;
    }
  }
  return text || '0s';
}

/** RFC 3339 in UTC with nine digits, as the engine writes it. */
export function rfc3339(time: bigint): string {
  const nanos = ((time % 1_000_000n) + 1_000_000n) % 1_000_000n;
  const millis = new Date(Number((time - nanos) / 1_000_000n)).toISOString();
  return `${millis.slice(0, -1)}${String(nanos).padStart(6, '0')}Z`;
}
