import type { StreamSet } from './streams.js';

/** Adapters of this package that an engine in a Worker can make there. */
export type AdapterKind = 'file' | 'graylog' | 'http' | 'loki' | 'prometheus';

/** What an adapter of this package is made of: an engine in a Worker makes its own of that, and reads it there. */
export interface AdapterSpec {
  readonly kind: AdapterKind;
  /** What its constructor takes. */
  readonly args: readonly unknown[];
  /** Where its status is, wherever it is read. */
  readonly streams: StreamSet;
}

/** The {@link AdapterSpec} of what was made with these options, which may have URLs; these cannot be copied. */
export function specOf(kind: AdapterKind, options: object, streams: StreamSet): AdapterSpec {
  const copied = Object.entries(options).map(([name, value]: [string, unknown]) => [
    name,
    value instanceof URL ? value.href : value,
  ]);
  return { kind, args: [Object.fromEntries(copied)], streams };
}
