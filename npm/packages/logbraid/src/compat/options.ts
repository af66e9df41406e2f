import { OptionError, shown } from '../errors.js';
import { resolveOptions } from '../options.js';
import type { EngineOptions } from '../options.js';
import { presets } from '../presets.js';
import type { DurationInput } from '../types.js';

/**
 * Options of log-correlator, and those that Logbraid has beside them. They are checked as Logbraid does it:
 * an unknown name or a bad value throws an `OptionError`.
 */
export interface CorrelationEngineOptions extends Omit<EngineOptions, 'emit'> {
  /** As `defaultTimeWindow`, which it goes before. */
  timeWindow?: DurationInput | undefined;
  /**
   * A bound only where `overflow` says what happens at it; else without effect, as it was. Default: none.
   */
  maxEvents?: number | undefined;
  /**
   * How long nothing may join a complete correlation before it is delivered, a duration. Default `50ms`, so
   * that it arrives within 100 ms.
   */
  processingInterval?: DurationInput | undefined;
  /** Which of `shardCount` engines this is, from 0: it delivers the correlations whose key falls to it. Default 0. */
  shardId?: number | undefined;
  /** How many engines share the results of the same events and queries. Default 1. */
  shardCount?: number | undefined;
}

/** {@link CorrelationEngineOptions} as the engine has them, and what this layer does itself. */
export interface SplitOptions {
  engine: EngineOptions;
  quietMs: number;
  shardId: number;
  shardCount: number;
}

/** How long a complete correlation has to be quiet, where nothing else is said. */
const QUIET = '50ms';

/** Checks the options and tells apart what the engine does and what this layer does. */
export function splitOptions(options: CorrelationEngineOptions): SplitOptions {
  const { timeWindow, maxEvents, shardId = 0, shardCount = 1, ...rest } = options;
  const given = Object.entries(rest).filter(([, value]) => value !== undefined);
  const engine: EngineOptions = {
    processingInterval: QUIET,
    ...(rest.preset && presets[rest.preset]),
    ...Object.fromEntries(given),
    ...(timeWindow !== undefined && { defaultTimeWindow: timeWindow }),
    ...(rest.overflow !== undefined && { maxEvents }),
  };
  const { processingIntervalMs: quietMs } = resolveOptions(engine);
  if (!Number.isSafeInteger(shardCount) || shardCount < 1) {
    throw new OptionError(`shardCount must be a whole number above 0, not ${shown(shardCount)}`, {
      details: { option: 'shardCount', value: shardCount },
    });
  }
  if (!Number.isSafeInteger(shardId) || shardId < 0 || shardId >= shardCount) {
    throw new OptionError(
      `shardId must be a whole number from 0 to ${shardCount - 1}, not ${shown(shardId)}`,
      { details: { option: 'shardId', value: shardId } },
    );
  }
  // Every revision is wanted, to know which correlation is quiet.
  return { engine: { ...engine, processingInterval: 0 }, quietMs, shardId, shardCount };
}
