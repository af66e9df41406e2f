import { bad, count, reader } from '../checks.js';
import { AHEAD } from '../remote/run.js';

/** What one window may ask for. Each is a whole number above 0; what exceeds it ends the engine of the window. */
export interface WindowLimits {
  /** Queries at once. Default 16. */
  queries?: number | undefined;
  /** Sources that the window brings. Default 64. */
  sources?: number | undefined;
  /** Calls that wait for their answers, such as `validate`. Default 64. */
  calls?: number | undefined;
  /**
   * Correlations of one query that are asked for and have not been sent. At least 256, which a
   * `RemoteEngine` asks for. Default 1024.
   */
  ahead?: number | undefined;
  /** Length of a query, and of a pattern in `keyPatterns`, in UTF-16 units. Default 16,384. */
  queryLength?: number | undefined;
  /** Length of the name of a source, in UTF-16 units. Default 128. */
  nameLength?: number | undefined;
  /** One event that is pushed as an object, in KiB. Default 256. */
  eventKB?: number | undefined;
  /**
   * What has been sent and has not been taken, in MiB: of what is pushed, for each query that runs; with the labels
   * and decoders of sources that the window has brought. Any one message has no more, either. Default 64.
   */
  pushedMB?: number | undefined;
}

/** {@link WindowLimits} with everything filled in. */
export type ResolvedLimits = { [Name in keyof WindowLimits]-?: number };

const DEFAULTS: ResolvedLimits = {
  queries: 16,
  sources: 64,
  calls: 64,
  ahead: 1024,
  queryLength: 16_384,
  nameLength: 128,
  eventKB: 256,
  pushedMB: 64,
};

/** Fills in and checks limits. */
export function resolveLimits(limits: WindowLimits = {}): ResolvedLimits {
  const names = Object.keys(DEFAULTS) as (keyof ResolvedLimits)[];
  const read = reader(limits, names, 'limits.');
  const resolved = names.map((name) => [
    name,
    read(name, name === 'ahead' ? countAhead : count, DEFAULTS[name]),
  ]);
  return Object.fromEntries(resolved) as ResolvedLimits;
}

function countAhead(name: string, value: unknown): number {
  const ahead = count(name, value);
  return ahead >= AHEAD ? ahead : bad(name, value, `a whole number of at least ${AHEAD}`);
}
