// Times and durations as Loki reads and writes them.

const SECOND = 1_000_000_000n;
const UNITS: Record<string, bigint> = {
  ns: 1n,
  us: 1_000n,
  ms: 1_000_000n,
  s: SECOND,
  m: 60n * SECOND,
  h: 3600n * SECOND,
  d: 24n * 3600n * SECOND,
  w: 7n * 24n * 3600n * SECOND,
};

export class TimeError extends Error {}

export function nowNs(): bigint {
  return BigInt(Date.now()) * 1_000_000n;
}

/** Nanoseconds, seconds where it has at most ten digits or a fraction, or RFC 3339. */
export function parseTime(name: string, text: string): bigint {
  if (/^-?\d+$/.test(text)) return text.length <= 10 ? BigInt(text) * SECOND : BigInt(text);
  if (/^-?\d*\.\d*$/.test(text)) return BigInt(Math.round(Number(text) * 1000)) * 1_000_000n;
  const [, date = '', fraction = '', zone = ''] =
    /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/.exec(text) ?? [];
  const ms = Date.parse(date + zone);
  if (Number.isNaN(ms)) {
    throw new TimeError(
      `could not parse '${name}' parameter: strconv.ParseInt: parsing "${text}": invalid syntax`,
    );
  }
  return BigInt(ms) * 1_000_000n + BigInt(fraction.padEnd(9, '0'));
}

/** `1h30m`, or seconds. */
export function parseDuration(name: string, text: string): bigint {
  if (/^\d+(\.\d+)?$/.test(text)) return BigInt(Math.round(Number(text) * 1e9));
  const parts = [...text.matchAll(/(\d+)(ns|us|ms|[smhdw])/gy)];
  if (parts.length === 0 || parts.map(([part]) => part).join('') !== text) {
    throw new TimeError(
      `could not parse '${name}' parameter: not a valid duration string: "${text}"`,
    );
  }
  return parts.reduce((sum, [, n = '', unit = '']) => sum + BigInt(n) * (UNITS[unit] ?? 0n), 0n);
}

/** As Go writes durations of whole seconds: `1440h0m1s`. */
export function goDuration(ns: bigint): string {
  const seconds = ns / SECOND;
  return `${seconds / 3600n}h${(seconds / 60n) % 60n}m${seconds % 60n}s`;
}
