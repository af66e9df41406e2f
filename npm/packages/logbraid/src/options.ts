import type { BackendKind, CheckOptions, RawDecoderOptions, RawDedupe } from './backend.js';
import {
  abortSignal,
  bad,
  count,
  duration,
  flag,
  interval,
  oneOf,
  reader,
  text,
  texts,
  time,
} from './checks.js';
import type { Reader } from './checks.js';
import { OptionError, errorFrom } from './errors.js';
import type { ExplainOptions } from './explain.js';
import { isLoaded, loadBackend } from '#platform';
import { presets } from './presets.js';
import type { PresetName } from './presets.js';
import type { PlanningOptions, RenderOptions } from './query.js';
import type {
  CorrelateOptions,
  DecoderOptions,
  DurationInput,
  Emit,
  MetricsOptions,
} from './types.js';

/**
 * Options of a {@link CorrelationEngine}. Durations are milliseconds or text such as `30s`, 0 or more
 * and below 292 years. Each is checked when the engine is made, which throws an `OptionError` whose
 * `details.option` is the name of the option, as `dedupe.window`, for an unknown name or a value other
 * than those said here. `undefined` is the default.
 */
export interface EngineOptions {
  /**
   * Options to begin with, for a use: one of `development`, `production`, `high-load`, `electron` and
   * `low-memory` (see {@link presets}). Options given beside it win. Default: none.
   */
  preset?: PresetName | undefined;
  /** The range of a stream that gives none, a duration. Default `5m`. */
  defaultTimeWindow?: DurationInput | undefined;
  /** How far behind the newest event of its stream an event may arrive, a duration. Default `30s`. */
  lateTolerance?: DurationInput | undefined;
  /** A live stream without events for this long holds nobody up; a duration. Default `5s`. */
  idleTimeout?: DurationInput | undefined;
  /** What becomes of late events: they complete matches with what is held, or are ignored. Default `match`. */
  late?: 'match' | 'drop' | undefined;
  /**
   * Bound on what one query holds, by the engine's own accounting, in MiB: 1,048,576 bytes, here and
   * wherever this package says MB. A number above 0, at most 3000. Default 100. Objects that the program
   * hands over (arrays, iterables, `push`) stay the program's and are not counted, only what the engine
   * keeps to join them; `maxEvents` bounds how many of them wait. Those that a window of Electron sends are
   * the engine's, and count.
   */
  maxMemoryMB?: number | undefined;
  /**
   * Bound on the events one query holds; one that two streams select counts twice. A whole number
   * above 0. Default: none.
   */
  maxEvents?: number | undefined;
  /**
   * What happens at these bounds. `evict` drops the oldest events, counts them and emits `eventDropped`;
   * correlations they may have belonged to are `truncated`, and nothing they may have matched is
   * called unmatched. `block` lets sources wait for each other and, where that does not help, ends
   * the query with a `MEMORY_ERROR`. Default: `block` where all sources of the query are bounded,
   * else `evict`.
   */
  overflow?: 'evict' | 'block' | undefined;
  /**
   * Events of one correlation, a whole number of at least 2. One that reaches it is closed as `truncated`; what would still
   * have joined it is dropped and counted. Default 10000.
   */
  maxEventsPerCorrelation?: number | undefined;
  /**
   * Ignores exact repeats: events of the same source and time with the same labels and message. An
   * object says for how much event time an event is remembered (`window`, a duration; default: the
   * largest reach of the query and `lateTolerance`), and which labels to compare (`fields`, one at
   * least; `message` is the message). Default `false`.
   */
  dedupe?: boolean | DedupeOptions | undefined;
  /** `outer` makes `or` a full outer join; `inner` and `left` change nothing. Default `inner`. */
  joinType?: 'inner' | 'left' | 'outer' | undefined;
  /**
   * What becomes of a query whose source has failed for good. `fail` ends it with the error of the source;
   * with `continue` the source counts as ended, the others go on, and `metadata.failedSources` of what is found
   * from then on names it: what such a result says is missing may only not have been read. A query of which
   * all sources have failed ends with the last error. Default `fail`.
   */
  onAdapterError?: 'fail' | 'continue' | undefined;
  /** Default: `final` for a query over bounded sources only, else `eager`. */
  emit?: Emit | undefined;
  /** Eager: least time between two revisions of one correlation, a duration. Default `100ms`. */
  processingInterval?: DurationInput | undefined;
  /**
   * How many results, or events of one source, may wait for their consumer: a whole number above 0. Results wait no
   * further, either, once those that do keep an eighth of `maxMemoryMB`. Default 1000.
   */
  bufferSize?: number | undefined;
  /**
   * How often `performanceMetrics` is emitted while a query runs and somebody listens; a duration of at
   * least `1ms`. Default `5s`.
   */
  metricsInterval?: DurationInput | undefined;
  /** A duration. Accepted, and without effect: memory is freed as event time passes. */
  gcInterval?: DurationInput | undefined;
  /**
   * Patterns that find join keys in messages, by key: regular expressions in the syntax of the engine,
   * each with one group, the value. Default: none but those that the engine has.
   */
  keyPatterns?: Readonly<Record<string, string>> | undefined;
  /**
   * On how many threads each query may run: a whole number above 0, at most 64. Default: as many as there are
   * processors for the process, but no more than 8. Threads are started once so much has arrived that they
   * pay, all queries together no more than there are processors but for one each, and leave when there is
   * nothing to do. What is less is done at once on the thread of JavaScript, for up to a tenth of its time. With
   * 1, everything is done there. The answer is the same.
   */
  threads?: number | undefined;
  /**
   * Which engine runs queries: the `native` addon, or `wasm`, which is slower and gives the same answers.
   * A query fails with a `BackendUnavailableError` where there is none of that kind. Default: in Node and
   * Electron main the addon, or WebAssembly with a warning where the addon is missing or broken; elsewhere
   * WebAssembly.
   */
  backend?: BackendKind | undefined;
}

/** How repeats are told; see {@link EngineOptions.dedupe}. */
export interface DedupeOptions {
  /** For how much event time an event is remembered, at least. */
  window?: DurationInput | undefined;
  /** The labels to compare, and `message` for the message. */
  fields?: readonly string[] | undefined;
}

/** {@link EngineOptions} with everything filled in. */
export interface ResolvedOptions {
  defaultTimeWindowMs: number;
  lateToleranceMs: number;
  idleTimeoutMs: number;
  late: 'match' | 'drop';
  maxMemoryMB: number;
  maxEvents: number | undefined;
  overflow: 'evict' | 'block' | undefined;
  maxEventsPerCorrelation: number;
  dedupe: RawDedupe | undefined;
  joinType: 'inner' | 'left' | 'outer';
  onAdapterError: 'fail' | 'continue';
  emit: Emit | undefined;
  processingIntervalMs: number;
  bufferSize: number;
  metricsIntervalMs: number;
  keyPatterns: Record<string, string> | undefined;
  threads: number | undefined;
  backend: BackendKind | undefined;
}

/** {@link CorrelateOptions} with everything checked. */
export interface ResolvedCorrelateOptions {
  signal: AbortSignal | undefined;
  emit: Emit | undefined;
  startNs: string | undefined;
  endNs: string | undefined;
  limit: number | undefined;
}

/** Checks how a source is decoded, and puts it the way the engine reads it. */
export function resolveDecoder(options: DecoderOptions = {}): RawDecoderOptions {
  const read = reader(options, [...DECODER_TEXTS, 'referenceTime']);
  const reference = read('referenceTime', time, undefined);
  const decoder: RawDecoderOptions = {
    referenceTimeMs: reference === undefined ? Date.now() : Number(BigInt(reference) / 1_000_000n),
  };
  for (const name of DECODER_TEXTS) {
    const value = read(name, text, undefined);
    if (value !== undefined) decoder[name] = value;
  }
  return decoder;
}

/** The most that an engine takes, in MiB. */
export const MAX_MEMORY_MB = 3000;

/** Fills in and checks the options of an engine; throws at the first that is wrong, and names it. */
export function resolveOptions(options: EngineOptions): ResolvedOptions {
  const preset = reader(options, ENGINE_OPTIONS)('preset', PRESET, undefined);
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  const chosen: EngineOptions = { ...(preset && presets[preset]), ...Object.fromEntries(given) };
  const read = reader(chosen, ENGINE_OPTIONS);
  read('gcInterval', duration, 0);
  return {
    defaultTimeWindowMs: read('defaultTimeWindow', duration, 300_000),
    lateToleranceMs: read('lateTolerance', duration, 30_000),
    idleTimeoutMs: read('idleTimeout', duration, 5_000),
    late: read('late', oneOf(['match', 'drop']), 'match'),
    maxMemoryMB: read('maxMemoryMB', memory, 100),
    maxEvents: read('maxEvents', count, undefined),
    overflow: read('overflow', OVERFLOW, undefined),
    maxEventsPerCorrelation: read('maxEventsPerCorrelation', twoOrMore, 10_000),
    dedupe: read('dedupe', repeats, undefined),
    joinType: read('joinType', oneOf(['inner', 'left', 'outer']), 'inner'),
    onAdapterError: read('onAdapterError', oneOf(['fail', 'continue']), 'fail'),
    emit: read('emit', EMIT, undefined),
    processingIntervalMs: read('processingInterval', duration, 100),
    bufferSize: read('bufferSize', count, 1000),
    metricsIntervalMs: read('metricsInterval', interval, 5_000),
    keyPatterns: read('keyPatterns', patterns, undefined),
    threads: read('threads', threads, undefined),
    backend: read('backend', BACKEND, undefined),
  };
}

/** Checks the options of one query. */
export function resolveCorrelateOptions(options: CorrelateOptions): ResolvedCorrelateOptions {
  const read = reader(options, CORRELATE_OPTIONS);
  const startNs = read('start', time, undefined);
  const endNs = read('end', time, undefined);
  if (startNs !== undefined && endNs !== undefined && BigInt(endNs) < BigInt(startNs)) {
    throw new OptionError('end must not be before start', {
      details: { option: 'end', value: options.end },
    });
  }
  return {
    signal: read('signal', abortSignal, undefined),
    emit: read('emit', EMIT, undefined),
    startNs,
    endNs,
    limit: read('limit', count, undefined),
  };
}

/** Checks how much memory a query may use, in MiB. */
export function resolveMaxMemory(maxMemoryMB: number): number {
  return memory('maxMemoryMB', maxMemoryMB);
}

/** Checks in which format metrics are asked for. */
export function resolveMetricsOptions(options: MetricsOptions): 'prometheus' | undefined {
  return reader(options, ['format'])('format', oneOf<'prometheus'>(['prometheus']), undefined);
}

/** Checks how a query is planned. */
export function resolvePlanOptions(options: PlanningOptions): CheckOptions {
  return planned(reader(options, PLANNING_OPTIONS));
}

/** Checks how diagnostics are drawn. */
export function resolveRenderOptions(options: RenderOptions): CheckOptions & { color: boolean } {
  const read = reader(options, [...PLANNING_OPTIONS, 'color']);
  return { ...planned(read), color: read('color', flag, false) };
}

function planned(
  read: <V, D>(name: keyof PlanningOptions, check: Reader<V>, fallback: D) => V | D,
): CheckOptions {
  return {
    defaultTimeWindowMs: read('defaultTimeWindow', duration, 300_000),
    selectingSources: read('selectingSources', texts, []),
  };
}

/** Checks what a query is explained with: how it is planned, and under which load. */
export function resolveExplainOptions(options: ExplainOptions): {
  plan: CheckOptions;
  load: { eventsPerSecond: number; bytesPerEvent: number; lateToleranceMs: number };
} {
  const read = reader(options, EXPLAIN_OPTIONS);
  return {
    plan: planned(read),
    load: {
      eventsPerSecond: read('eventsPerSecond', count, 1000),
      bytesPerEvent: read('bytesPerEvent', count, 512),
      // The engine reckons in whole milliseconds here.
      lateToleranceMs: Math.ceil(read('lateTolerance', duration, 30_000)),
    },
  };
}

const PLANNING_OPTIONS: readonly (keyof PlanningOptions)[] = [
  'defaultTimeWindow',
  'selectingSources',
];

const EXPLAIN_OPTIONS: readonly (keyof ExplainOptions)[] = [
  'eventsPerSecond',
  'bytesPerEvent',
  'lateTolerance',
  ...PLANNING_OPTIONS,
];

const ENGINE_OPTIONS: readonly (keyof EngineOptions)[] = [
  'preset',
  'defaultTimeWindow',
  'lateTolerance',
  'idleTimeout',
  'late',
  'maxMemoryMB',
  'maxEvents',
  'overflow',
  'maxEventsPerCorrelation',
  'dedupe',
  'joinType',
  'onAdapterError',
  'emit',
  'processingInterval',
  'bufferSize',
  'metricsInterval',
  'gcInterval',
  'keyPatterns',
  'threads',
  'backend',
];

const CORRELATE_OPTIONS: readonly (keyof CorrelateOptions)[] = [
  'signal',
  'emit',
  'start',
  'end',
  'limit',
];

const DECODER_TEXTS = ['format', 'time', 'message', 'level', 'zone'] as const;

const OVERFLOW = oneOf<'evict' | 'block'>(['evict', 'block']);

const PRESET = oneOf(Object.keys(presets) as PresetName[]);

const BACKEND = oneOf<BackendKind>(['native', 'wasm']);

const EMIT = oneOf<Emit>(['final', 'eager']);

/** In MiB; the engine counts whole bytes. */
function memory(name: string, value: unknown): number {
  return typeof value === 'number' && value > 0 && value <= MAX_MEMORY_MB
    ? value
    : bad(name, value, `a number above 0 and at most ${MAX_MEMORY_MB}`);
}

/** Most threads of a query. */
export const MAX_THREADS = 64;

function threads(name: string, value: unknown): number {
  const valid = typeof value === 'number' && Number.isInteger(value);
  return valid && value >= 1 && value <= MAX_THREADS
    ? value
    : bad(name, value, `a whole number from 1 to ${MAX_THREADS}`);
}

function twoOrMore(name: string, value: unknown): number {
  return value === 1 ? bad(name, value, 'at least 2: a match has two events') : count(name, value);
}

function repeats(name: string, value: unknown): RawDedupe | undefined {
  if (typeof value === 'boolean') {
    return value ? {} : undefined;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    bad(name, value, 'true, false or an object { window, fields }');
  }
  const read = reader(value as DedupeOptions, ['window', 'fields'], `${name}.`);
  const windowMs = read('window', duration, undefined);
  const fields = read('fields', names, undefined);
  return { ...(windowMs !== undefined && { windowMs }), ...(fields && { fields }) };
}

function names(name: string, value: unknown): string[] {
  const valid = Array.isArray(value) && value.length > 0 && value.every((one) => text(name, one));
  return valid ? (value as string[]) : bad(name, value, 'a list of names of labels');
}

function patterns(name: string, value: unknown): Record<string, string> {
  const entries = typeof value === 'object' && value !== null ? Object.entries(value) : [];
  const valid = entries.length > 0 && entries.every(([, pattern]) => typeof pattern === 'string');
  if (!valid) bad(name, value, 'an object of regular expressions by key');
  const given = Object.fromEntries(entries) as Record<string, string>;
  try {
    // Only the engine knows its syntax; it is asked with the smallest query there is, or at the first
    // query where it has yet to be loaded.
    if (isLoaded()) {
      new (loadBackend().Correlator)('a({}) and on(k) b({})', { keyPatterns: given }).release();
    }
  } catch (thrown) {
    const error = errorFrom(thrown);
    if (error.code !== 'INVALID_OPTION') throw error;
    throw new OptionError(error.message, {
      details: { option: name, value },
      cause: thrown,
    });
  }
  return given;
}
