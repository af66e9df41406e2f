// How options are checked: each check returns the value, or throws an `OptionError` that names the option.
import { OptionError, shown } from './errors.js';
import { MAX_DELAY_MS, toMillis, toNanos } from './time.js';

/** What the engine can count is below: 64-bit nanoseconds, in milliseconds. */
const ENDLESS_MS = 2 ** 63 / 1e6;

/** Options that are planned and do not work yet. */
const PLANNED = ['shardId', 'shardCount'];

export type Reader<T> = (name: string, value: unknown) => T;

/** How far a clock is ahead, or, below 0, behind; in milliseconds. */
export function clockSkew(name: string, value: unknown): number {
  const behind = typeof value === 'string' ? value.startsWith('-') : Number(value) < 0;
  const size = typeof value === 'string' ? value.replace(/^-/, '') : Math.abs(Number(value));
  const given = typeof value === 'number' || typeof value === 'string';
  const millis = given ? toMillis(size) : undefined;
  if (millis === undefined || millis >= ENDLESS_MS) {
    return bad(name, value, 'milliseconds or a duration such as "2s" or "-2s", below 292 years');
  }
  return behind ? -millis : millis;
}

/** What a timer can wait. */
export function interval(name: string, value: unknown): number {
  const millis = duration(name, value);
  return millis >= 1 && millis <= MAX_DELAY_MS
    ? millis
    : bad(name, value, 'a duration of at least 1ms and at most 24 days');
}

/** Refuses unknown names, then reads one option after the other; absent and `undefined` are the same. */
export function reader<T extends object>(
  options: T,
  known: readonly (keyof T & string)[],
  path = '',
) {
  const isObject: boolean =
    typeof (options as unknown) === 'object' &&
    (options as unknown) !== null &&
    !Array.isArray(options);
  if (!isObject) {
    throw new OptionError('options must be an object', {
      details: { option: 'options', value: options },
    });
  }
  for (const key of Object.keys(options)) {
    const name = path + key;
    if (PLANNED.includes(name)) {
      throw new OptionError(`the option ${name} is not supported yet`, {
        details: { option: name },
      });
    }
    if (!(known as readonly string[]).includes(key)) {
      throw new OptionError(`there is no option ${name}; there are: ${known.join(', ')}`, {
        details: { option: name },
      });
    }
  }
  return <V, D>(name: keyof T & string, check: Reader<V>, fallback: D): V | D => {
    const value: unknown = options[name];
    return value === undefined ? fallback : check(path + name, value);
  };
}

export function bad(name: string, value: unknown, expected: string): never {
  throw new OptionError(`${name} must be ${expected}, not ${shown(value)}`, {
    details: { option: name, value },
  });
}

export function duration(name: string, value: unknown): number {
  const given = typeof value === 'number' || typeof value === 'string';
  const millis = given ? toMillis(value) : undefined;
  return millis !== undefined && millis < ENDLESS_MS
    ? millis
    : bad(name, value, 'milliseconds or a duration such as "30s" or "1h30m", below 292 years');
}

export function count(name: string, value: unknown): number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0
    ? value
    : bad(name, value, 'a whole number above 0');
}

export function time(name: string, value: unknown): string {
  return (
    toNanos(value as never) ??
    bad(name, value, 'RFC 3339 text, a Date, milliseconds, or nanoseconds as a bigint')
  );
}

export function text(name: string, value: unknown): string {
  return typeof value === 'string' && value !== '' ? value : bad(name, value, 'a text');
}

/** A text that no error shows, whatever it is instead. */
export function secret(name: string, value: unknown): string {
  if (typeof value === 'string' && value !== '') return value;
  throw new OptionError(`${name} must be a text`, { details: { option: name } });
}

export function flag(name: string, value: unknown): boolean {
  return typeof value === 'boolean' ? value : bad(name, value, 'true or false');
}

export function texts(name: string, value: unknown): string[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'string')
    ? value
    : bad(name, value, 'an array of texts');
}

export function abortSignal(name: string, value: unknown): AbortSignal {
  return value instanceof AbortSignal ? value : bad(name, value, 'an AbortSignal');
}

export function oneOf<T extends string>(values: readonly T[]): Reader<T> {
  return (name, value) =>
    values.find((one) => one === value) ??
    bad(name, value, values.map((one) => `'${one}'`).join(' or '));
}
