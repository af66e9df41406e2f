import { bad } from '../checks.js';
import { toMillis } from '../time.js';
import type { DurationInput } from '../types.js';

/** Words that are part of a join; no source can have their name. */
const RESERVED =
  /^(?:and|or|unless|outer|then|not|on|within|ignoring|pick|group_left|group_right)$/i;

/** A name: letters, digits and `_`. */
export function name(option: string, value: unknown): string {
  return typeof value === 'string' && /^[A-Za-z_][A-Za-z0-9_]*$/.test(value)
    ? value
    : bad(option, value, 'letters, digits and _, not starting with a digit');
}

/** The name of a source, which no word of the language can be. */
export function sourceName(option: string, value: unknown): string {
  const source = name(option, value);
  return RESERVED.test(source)
    ? bad(option, value, 'a name that is no word of the query language')
    : source;
}

/** A label: a name, which may contain dots. */
export function labelName(option: string, value: unknown): string {
  return typeof value === 'string' && /^[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z0-9_]+)*$/.test(value)
    ? value
    : bad(option, value, 'a label: letters, digits and _, parts separated by dots');
}

/** A text in double quotes; whatever it holds, it ends where its quotes do. */
export function quoted(option: string, value: unknown): string {
  if (typeof value !== 'string' || /\p{Surrogate}/u.test(value)) {
    return bad(option, value, 'a well-formed text');
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
  return text.startsWith('-') ? bad(option, value, 'a duration of 0 or more') : text;
}

/** A duration in the spelling of the language; numbers are milliseconds. */
export function signedDuration(option: string, value: DurationInput): string {
  if (typeof value === 'number') {
    const nanos = Math.round(value * 1e6);
    if (nanos === 0 && value !== 0) bad(option, value, 'a nanosecond (1e-6) at least, or 0');
    if (Number.isFinite(nanos) && Math.abs(nanos) < LONGEST) {
      return nanos % 1e6 === 0 ? `${nanos / 1e6}ms` : `${BigInt(nanos)}ns`;
    }
  } else if (typeof value === 'string' && /^-?(?:\d+(?:ns|us|ms|s|m|h|d|w))+$/.test(value)) {
    const millis = toMillis(value.replace('-', '')) ?? Infinity;
    return millis * 1e6 < LONGEST ? value : bad(option, value, 'shorter than 292 years');
  }
  return bad(option, value, 'milliseconds or a duration such as "30s" or "1h30m"');
}

/** A number in the spelling of the language. */
export function number(option: string, value: number): string {
  return typeof value === 'number' && Number.isFinite(value)
    ? plain(String(value))
    : bad(option, value, 'a finite number');
}

/** A number without an exponent, which the language does not have: all its digits. */
function plain(text: string): string {
  const match = /^(-?)(\d)(?:\.(\d+))?e([+-]\d+)$/.exec(text);
  if (!match) return text;
  const [, sign = '', whole = '', fraction = '', exponent = ''] = match;
  const digits = whole + fraction;
  const point = 1 + Number(exponent);
  return point <= 0
    ? `${sign}0.${'0'.repeat(-point)}${digits}`
    : `${sign}${digits.padEnd(point, '0')}`;
}

/** Refuses what is no object, and names that mean nothing: a misspelt clause is not left out. */
export function onlyClauses(value: unknown, known: readonly string[]): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    bad('clauses', value, `an object of ${known.join(', ')}`);
  }
  for (const clause of Object.keys(value)) {
    if (!known.includes(clause)) bad('clauses', clause, `among ${known.join(', ')}`);
  }
}

/** A whole number of at least 1. */
export function count(option: string, value: number): string {
  return Number.isSafeInteger(value) && value > 0
    ? String(value)
    : bad(option, value, 'a whole number above 0');
}
