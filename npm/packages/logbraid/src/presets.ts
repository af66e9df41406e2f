import type { EngineOptions } from './options.js';

/**
 * Options for a use, to begin with: `new CorrelationEngine({ preset: 'low-memory' })`. Options that are given
 * beside it win. `docs/performance.md` says why each value is what it is, and what it costs.
 */
export const presets = {
  /** At the desk: everything is told as soon as it is known, and nothing waits long for stragglers. */
  development: {
    lateTolerance: '2s',
    idleTimeout: '1s',
    processingInterval: 0,
    metricsInterval: '1s',
  },
  /** A service: the defaults, with room for bursts. */
  production: {
    maxMemoryMB: 256,
  },
  /** Tens of thousands of events a second: more room, fewer revisions, shorter waits for stragglers. */
  'high-load': {
    maxMemoryMB: 1024,
    lateTolerance: '10s',
    processingInterval: '1s',
    bufferSize: 10_000,
  },
  /** Beside a user interface: little memory, and no more revisions than one can read. */
  electron: {
    maxMemoryMB: 50,
    processingInterval: '250ms',
    bufferSize: 200,
  },
  /** Small machines and sidecars: short windows where queries give none, small correlations, few that wait. */
  'low-memory': {
    maxMemoryMB: 16,
    defaultTimeWindow: '1m',
    lateTolerance: '5s',
    maxEventsPerCorrelation: 1000,
    bufferSize: 100,
  },
} as const satisfies Record<string, Omit<EngineOptions, 'preset'>>;

/** The name of one of the {@link presets}. */
export type PresetName = keyof typeof presets;
