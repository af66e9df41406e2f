import type { RawDiagnostic } from './backend.js';
import { queryText } from './builder/index.js';
import type { QueryInput } from './builder/index.js';
import { loadBackend } from '#platform';
import { resolveExplainOptions } from './options.js';
import { queryError } from './query.js';
import type { PlanningOptions } from './query.js';
import type { DurationInput } from './types.js';

/** What {@link explain} reckons with. */
export interface ExplainOptions extends PlanningOptions {
  /** Events a second that the selector of each stream keeps. A whole number, default 1000. */
  eventsPerSecond?: number | undefined;
  /**
   * Bytes that the engine holds for an event, without its matches. A whole number, default 512: a
   * line of 200 bytes with its labels and keys.
   */
  bytesPerEvent?: number | undefined;
  /**
   * How far events may be out of order, so that each is held so much longer: milliseconds or text such
   * as `30s`. Default `30s`, as of an engine.
   */
  lateTolerance?: DurationInput | undefined;
}

/** What a query will do. Durations are text as in queries (`1h30m`); counts above 2^53 are rounded. */
export interface Explanation {
  /** The joins, with the streams as leaves. */
  tree: PlanNode;
  /** What is read, each thing once. */
  sources: ExplainedSource[];
  /** Events that all streams together hold. */
  events: number;
  /** Bytes that all streams together hold. */
  bytes: number;
  /**
   * 10 for each stream, 5 for each key, 20 for a filter of results, 15 for `within` or an order, 25
   * for a group.
   */
  score: number;
  /** `simple` below a score of 30, `moderate` below 60. */
  complexity: 'simple' | 'moderate' | 'complex';
  /** What would make it cheaper, in sentences for people; perhaps none. */
  hints: string[];
}

/** A part of the plan. */
export type PlanNode = ExplainedStream | ExplainedJoin;

/** A stream and what it holds. */
export interface ExplainedStream {
  type: 'stream';
  /** Its name in results. */
  name: string;
  /** The source that feeds it. */
  source: string;
  /** The selector as written. */
  selector: string;
  /** Whether the source applies the selector; else the engine does. */
  pushedDown: boolean;
  /** How long its events stay joinable. */
  range: string;
  /**
   * How long an event is held at most while nothing matches it: its farthest reach in any join,
   * or the gap that keeps unmatched ones together, and the late tolerance. Connected events
   * (`pick(session)`) are held until the last of them is decided.
   */
  held: string;
  /** Events that it holds. */
  events: number;
  /**
   * Bytes that it holds: of the events, and 400 more of each for each join above it whose matches are
   * held one by one (all but `pick(session)`), if it is in one match of each.
   */
  bytes: number;
}

/** A join of two parts. */
export interface ExplainedJoin {
  type: 'join';
  kind: 'and' | 'or' | 'outer' | 'unless' | 'then' | 'then not';
  /** What has to agree, as in the query: `on(k, a=b)` or `ignoring(l)`. */
  keys: string;
  /** The smallest distance from left to right that `within`, the operator and the ranges allow. */
  lo: string;
  /** The largest distance from left to right that they allow. */
  hi: string;
  /** Which matches make a result: a policy, `group_left(…)` or `group_right(…)`. */
  pick: string;
  left: PlanNode;
  right: PlanNode;
}

/** Something that is read. */
export interface ExplainedSource {
  /** The name of the source. */
  name: string;
  /** The selector that is pushed down to it; `null` where the engine selects from all it has. */
  selector: string | null;
  /** How far back it is read. */
  range: string;
  /** The names of the streams it feeds. */
  streams: string[];
}

/**
 * What a query will do and what it costs, before it runs. Throws a {@link QueryError} when it makes
 * no sense, an {@link OptionError} for an option that does not exist or cannot have its value.
 *
 * ```js
 * explain('a({})[1h] and on(k) within(10s) b({})', { eventsPerSecond: 100 }).events; // 8000
 * explain('a({}) and on(k) b({})').complexity; // simple
 * ```
 */
export function explain(input: QueryInput, options: ExplainOptions = {}): Explanation {
  const query = queryText(input);
  const { plan, load } = resolveExplainOptions(options);
  const backend = loadBackend();
  const found = backend.explain(query, plan, JSON.stringify(load));
  const { explanation, diagnostics = [] } = JSON.parse(found) as {
    explanation?: Explanation;
    diagnostics?: RawDiagnostic[];
  };
  if (!explanation) {
    throw queryError(backend, query, diagnostics, plan);
  }
  return explanation;
}
