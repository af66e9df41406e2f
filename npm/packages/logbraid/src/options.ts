import type { CheckOptions, RawDecoderOptions } from './backend.js';
import { OptionError, shown } from './errors.js';
import type { ExplainOptions } from './explain.js';
import { toMillis, toNanos } from './time.js';
import type { CorrelateOptions, DecoderOptions, DurationInput, Emit } from './types.js';

/** Options of a {@link CorrelationEngine}. Durations are milliseconds or text such as `30s`. */
export interface EngineOptions {
  /** The range of a stream that gives none. Default `5m`. */
  defaultTimeWindow?: DurationInput | undefined;
  /** How far behind the newest event of its stream an event may arrive. Default `30s`. */
  lateTolerance?: DurationInput | undefined;
  /** A live stream without events for this long holds nobody up. Default `5s`. */
  idleTimeout?: DurationInput | undefined;
  /** Bound on what one query holds, in MiB, by the engine's own accounting. Default 100. */
  maxMemoryMB?: number | undefined;
  /** Default: `final` for a query over bounded sources only, else `eager`. */
  emit?: Emit | undefined;
  /** Eager: least time between two revisions of one correlation. Default 100 ms. */
  processingInterval?: DurationInput | undefined;
  /** How many results, or events of one source, may wait for their consumer. Default 1000. */
  bufferSize?: number | undefined;
  /** Accepted, and without effect: memory is freed as event time passes. */
  gcInterval?: DurationInput | undefined;
  /** Patterns that find join keys in messages, by key; each with one group, the value. */
  keyPatterns?: Readonly<Record<string, string>> | undefined;
  /** Which engine runs. Only `native` does. */
  backend?: 'native' | undefined;
}

/** {@link EngineOptions} with everything filled in. */
export interface ResolvedOptions {
  defaultTimeWindowMs: number;
  lateToleranceMs: number;
  idleTimeoutMs: number;
  maxMemoryMB: number;
  emit: Emit | undefined;
  processingIntervalMs: number;
  bufferSize: number;
  keyPatterns: Record<string, string> | undefined;
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
    referenceTime: reference === undefined ? Date.now() * 1e6 : Number(reference),
  };
  for (const name of DECODER_TEXTS) {
    const value = read(name, text, undefined);
    if (value !== undefined) decoder[name] = value;
  }
  return decoder;
}

/** Options that are planned and do not work yet. */
const PLANNED = [
  'overflow',
  'late',
  'dedupe',
  'joinType',
  'maxEvents',
  'maxEventsPerCorrelation',
  'onAdapterError',
  'shardId',
  'shardCount',
];

type Reader<T> = (name: string, value: unknown) => T;

/** Fills in and checks the options of an engine; throws at the first that is wrong, and names it. */
export function resolveOptions(options: EngineOptions): ResolvedOptions {
  const read = reader(options, ENGINE_OPTIONS);
  read('gcInterval', duration, 0);
  read('backend', oneOf(['native']), 'native');
  return {
    defaultTimeWindowMs: read('defaultTimeWindow', duration, 300_000),
    lateToleranceMs: read('lateTolerance', duration, 30_000),
    idleTimeoutMs: read('idleTimeout', duration, 5_000),
    maxMemoryMB: read('maxMemoryMB', positive, 100),
    emit: read('emit', EMIT, undefined),
    processingIntervalMs: read('processingInterval', duration, 100),
    bufferSize: read('bufferSize', count, 1000),
    keyPatterns: read('keyPatterns', patterns, undefined),
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

/** Checks what a query is explained with: how it is planned, and under which load. */
export function resolveExplainOptions(options: ExplainOptions): {
  plan: CheckOptions;
  load: { eventsPerSecond: number; bytesPerEvent: number };
} {
  const read = reader(options, EXPLAIN_OPTIONS);
  return {
    plan: {
      defaultTimeWindowMs: read('defaultTimeWindow', duration, 300_000),
      selectingSources: read('selectingSources', texts, []),
    },
    load: {
      eventsPerSecond: read('eventsPerSecond', count, 1000),
      bytesPerEvent: read('bytesPerEvent', count, 512),
    },
  };
}

const EXPLAIN_OPTIONS: readonly (keyof ExplainOptions)[] = [
  'eventsPerSecond',
  'bytesPerEvent',
  'defaultTimeWindow',
  'selectingSources',
];

const ENGINE_OPTIONS: readonly (keyof EngineOptions)[] = [
  'defaultTimeWindow',
  'lateTolerance',
  'idleTimeout',
  'maxMemoryMB',
  'emit',
  'processingInterval',
  'bufferSize',
  'gcInterval',
  'keyPatterns',
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

const EMIT = oneOf<Emit>(['final', 'eager']);

/** Refuses unknown names, then reads one option after the other; absent and `undefined` are the same. */
function reader<T extends object>(options: T, known: readonly (keyof T & string)[]) {
  const isObject: boolean =
    typeof (options as unknown) === 'object' && (options as unknown) !== null;
  if (!isObject) {
    throw new OptionError('options must be an object', { details: { value: options } });
  }
  for (const name of Object.keys(options)) {
    if (PLANNED.includes(name)) {
      throw new OptionError(`the option ${name} is not supported yet`, {
        details: { option: name },
      });
    }
    if (!(known as readonly string[]).includes(name)) {
      throw new OptionError(`there is no option ${name}; there are: ${known.join(', ')}`, {
        details: { option: name },
      });
    }
  }
  return <V, D>(name: keyof T & string, check: Reader<V>, fallback: D): V | D => {
    const value: unknown = options[name];
    return value === undefined ? fallback : check(name, value);
  };
}

function bad(name: string, value: unknown, expected: string): never {
  throw new OptionError(`${name} must be ${expected}, not ${shown(value)}`, {
    details: { option: name, value },
  });
}

function duration(name: string, value: unknown): number {
  const given = typeof value === 'number' || typeof value === 'string';
  return (
    (given ? toMillis(value) : undefined) ??
    bad(name, value, 'milliseconds or a duration such as "30s" or "1h30m"')
  );
}

function positive(name: string, value: unknown): number {
  return typeof value === 'number' && value > 0 && Number.isFinite(value)
    ? value
    : bad(name, value, 'a number above 0');
}

function count(name: string, value: unknown): number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0
    ? value
    : bad(name, value, 'a whole number above 0');
}

function time(name: string, value: unknown): string {
  return (
    toNanos(value as never) ??
    bad(name, value, 'RFC 3339 text, a Date, milliseconds, or nanoseconds as a bigint')
  );
}

function text(name: string, value: unknown): string {
  return typeof value === 'string' && value !== '' ? value : bad(name, value, 'a text');
}

function texts(name: string, value: unknown): string[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'string')
    ? value
    : bad(name, value, 'an array of texts');
}

function patterns(name: string, value: unknown): Record<string, string> {
  const entries = typeof value === 'object' && value !== null ? Object.entries(value) : [];
  const valid = entries.length > 0 && entries.every(([, pattern]) => typeof pattern === 'string');
  return valid
    ? Object.fromEntries(entries)
    : bad(name, value, 'an object of regular expressions by key');
}

function abortSignal(name: string, value: unknown): AbortSignal {
  return value instanceof AbortSignal ? value : bad(name, value, 'an AbortSignal');
}

function oneOf<T extends string>(values: readonly T[]): Reader<T> {
  return (name, value) =>
    values.find((one) => one === value) ??
    bad(name, value, values.map((one) => `'${one}'`).join(' or '));
}
