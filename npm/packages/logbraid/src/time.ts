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
    instant = parseTime(value);
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
