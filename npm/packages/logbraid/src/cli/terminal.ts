import { isatty } from 'node:tty';

import colors from 'picocolors';

/** Whether standard output (1) or error (2) is a terminal that shows colours, and nobody has asked for none. */
export function colorsWanted(descriptor: 1 | 2): boolean {
  // Not `process.stdout.isTTY`: that is undefined in a pipe, which picocolors takes for its default.
  return colors.isColorSupported && isatty(descriptor);
}

/** C0 and C1 controls, DEL, and what reorders or hides text. */
const UNSAFE =
  // eslint-disable-next-line no-control-regex -- these are what it is about
  /[\u0000-\u001f\u007f-\u009f\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/** Text of a log made harmless: nothing in it may control the terminal. */
export function sanitize(text: string): string {
  return text.replace(UNSAFE, (char) => {
    if (char === '\t') return ' ';
    if (char === '\n') return '⏎';
    const code = char.charCodeAt(0);
    // Controls have pictures of their own.
    return code < 0x20 ? String.fromCharCode(0x2400 + code) : '\ufffd';
  });
}

/** JSON for a terminal: the controls that JSON leaves alone are escaped too. */
export function escapeJson(json: string): string {
  return json.replace(UNSAFE, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** `1 event`, `2 events`. */
export function plural(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`;
}

const STEPS: readonly (readonly [bigint, string])[] = [
  [3_600_000_000_000n, 'h'],
  [60_000_000_000n, 'm'],
  [1_000_000_000n, 's'],
  [1_000_000n, 'ms'],
  [1_000n, 'µs'],
];

/** A length of time for people: three digits or so, in the unit that fits. */
export function shortDuration(nanos: bigint): string {
  const step = STEPS.find(([size]) => nanos >= size);
  if (!step) {
    return nanos === 0n ? '0ms' : `${nanos}ns`;
  }
  const [size, unit] = step;
  const value = Number(nanos) / Number(size);
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return `${Number(value.toFixed(digits))}${unit}`;
}

/** A size for people, in the units of `maxMemoryMB`. */
export function shortBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(value >= 100 ? 0 : 1)} ${units[unit] ?? ''}`;
}
