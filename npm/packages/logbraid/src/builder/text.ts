import { OptionError, shown } from '../errors.js';
import type { DurationInput } from '../types.js';

/** Words that are part of a join; no source can have their name. */
const RESERVED =
  /^(?:and|or|unless|outer|then|not|on|within|ignoring|pick|group_left|group_right)$/i;

/** Refuses a part of a query, and says which and why. */
export function refuse(option: string, value: unknown, expected: string): never {
  throw new OptionError(`${option} must be ${expected}, not ${shown(value)}`, {
    details: { option, value },
  });
}

/** A name: letters, digits and `_`. */
export function name(option: string, value: unknown): string {
  return typeof value === 'string' && /^[A-Za-z_][A-Za-z0-9_]*$/.test(value)
    ? value
    : refuse(option, value, 'letters, digits and _, not starting with a digit');
}

/** The name of a source, which no word of the language can be. */
export function sourceName(option: string, value: unknown): string {
  const source = name(option, value);
  return RESERVED.test(source)
    ? refuse(option, value, 'a name that is no word of the query language')
    : source;
}

/** A label: a name, which may contain dots. */
export function labelName(option: string, value: unknown): string {
  return typeof value === 'string' && /^[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z0-9_]+)*$/.test(value)
    ? value
    : refuse(option, value, 'a label: letters, digits and _, parts separated by dots');
}

/** A text in double quotes; whatever it holds, it ends where its quotes do. */
export function quoted(option: string, value: unknown): string {
  if (typeof value !== 'string' || /\p{Surrogate}/u.test(value)) {
    return refuse(option, value, 'a well-formed text');
  }
  const inner = value.replace(/["\\]/g, '\\$&').replace(/\p{Control}/gu, (control) => {
    return `\\u${control.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
  return `"${inner}"`;
}

/** The longest duration, in nanoseconds: what 64 bits hold. */
const LONGEST = 2 ** 63;

/** A duration that is not negative. */
export function duration(option: string, value: DurationInput): string {
  const text = signedDuration(option, value);
  return text.startsWith('-') ? refuse(option, value, 'a duration of 0 or more') : text;
}

/** A duration in the spelling of the language; numbers are milliseconds. */
export function signedDuration(option: string, value: DurationInput): string {
  if (typeof value === 'number') {
    const nanos = Math.round(value * 1e6);
    if (Number.isFinite(nanos) && Math.abs(nanos) < LONGEST) {
      return nanos % 1e6 === 0 ? `${nanos / 1e6}ms` : `${BigInt(nanos)}ns`;
    }
  } else if (/^-?(?:\d+(?:ns|us|ms|s|m|h|d|w))+$/.test(value)) {
    return value;
  }
  return refuse(option, value, 'milliseconds or a duration such as "30s" or "1h30m"');
}

/** A number in the spelling of the language. */
export function number(option: string, value: number): string {
  return typeof value === 'number' && Number.isFinite(value)
    ? value.toLocaleString('en-US', { useGrouping: false, maximumFractionDigits: 20 })
    : refuse(option, value, 'a finite number');
}

/** A whole number of at least 1. */
export function count(option: string, value: number): string {
  return Number.isSafeInteger(value) && value > 0
    ? String(value)
    : refuse(option, value, 'a whole number above 0');
}
