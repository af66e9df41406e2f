import { toInstant, toMillis } from '../time.js';
import type { TimeInput } from '../types.js';
import { bad } from '../checks.js';

/** Milliseconds of a duration such as `30s` or `1h30m`. Throws an `OptionError` at what is none. */
export function parseTimeWindow(window: string): number {
  const millis = typeof window === 'string' ? toMillis(window) : undefined;
  if (millis === undefined) bad('timeWindow', window, 'a duration such as "30s"');
  return millis;
}

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
] as const;

/** A duration in its largest unit, the rest left out: 90,000 is `1m`. */
export function formatDuration(millis: number): string {
  const [unit, size] = UNITS.find(([, size]) => millis >= size) ?? ['ms', 1];
  return `${Math.floor(millis / size)}${unit}`;
}

/** An id that no other has. Correlations have ids of their own, which are the same on each run. */
export function generateCorrelationId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Whether the engine takes a value for a time. */
export function isValidTimestamp(value: unknown): value is TimeInput {
  return toInstant(value) !== undefined;
}

/** The labels of a text such as `{service="api", level='error'}` or `service=api level=error`. */
export function extractLabels(text: string): Record<string, string> {
  const pair = /([A-Za-z_][\w.]*)=(?:"((?:\\.|[^"\\])*)"|'((?:\\.|[^'\\])*)'|([^\s,{}"']+))/g;
  const found = [...text.matchAll(pair)].map(([, name = '', double, single, bare]) => {
    const quoted = double ?? single;
    return [name, quoted === undefined ? (bare ?? '') : quoted.replace(/\\(.)/g, '$1')];
  });
  return Object.fromEntries(found) as Record<string, string>;
}

/** Calls a function once it has not been asked for so many milliseconds, with what it was asked last. */
export function debounce<A extends unknown[]>(
  call: (...given: A) => void,
  millis: number,
): (...given: A) => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  return (...given) => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      call(...given);
    }, millis);
  };
}
