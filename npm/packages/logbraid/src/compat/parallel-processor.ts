import { MAX_THREADS } from '../options.js';
import type { EngineOptions } from '../options.js';
import type { DurationInput, LogEvent } from '../types.js';
import type { CorrelatedEvent } from './correlated-event.js';
import type { StreamJoinerOptions } from './join-options.js';
import { MultiStreamJoiner } from './multi-stream-joiner.js';
import type { NamedStreams } from './multi-stream-joiner.js';
import { count } from '../checks.js';
import type { TimeWindow } from './time-window.js';

/** Options of a {@link ParallelProcessor}. */
export interface ParallelProcessorOptions {
  /** On how many threads the engine may run a join; more than 64 are 64. Default: as many as there are processors, at most 8. */
  maxWorkers?: number | undefined;
  /** How many correlations may wait for their consumer: a whole number above 0. Default 1000. */
  taskQueueSize?: number | undefined;
  /** Accepted, and without effect: threads leave when there is nothing to do. */
  workerIdleTimeout?: DurationInput | undefined;
}

/** How events are joined by a {@link ParallelProcessor}. */
export type ParallelJoinOptions = Omit<StreamJoinerOptions, 'threads' | 'bufferSize'>;

/** Joins on the threads of the engine, which start when there is enough to do for them. */
export class ParallelProcessor {
  readonly #engine: Pick<EngineOptions, 'threads' | 'bufferSize'>;

  /** Throws an `OptionError` at a value that makes no sense. */
  constructor({ maxWorkers, taskQueueSize }: ParallelProcessorOptions = {}) {
    this.#engine = {
      ...(maxWorkers !== undefined && {
        threads: Math.min(count('maxWorkers', maxWorkers), MAX_THREADS),
      }),
      ...(taskQueueSize !== undefined && {
        bufferSize: count('taskQueueSize', taskQueueSize),
      }),
    };
  }

  /** Joins the events of each window, as {@link processChunk}; one window after the other. */
  async *processWindows(
    windows: Iterable<TimeWindow>,
    options: ParallelJoinOptions,
  ): AsyncGenerator<CorrelatedEvent, void> {
    for (const window of windows) yield* this.#among(window.getEvents(), options);
  }

  /** Joins streams that end, as `joinMultiple` of a `MultiStreamJoiner`. */
  processStreamsParallel(
    streams: NamedStreams,
    options: ParallelJoinOptions,
  ): AsyncGenerator<CorrelatedEvent, void> {
    return this.#joiner(options).joinMultiple(streams);
  }

  /** Joins events by what their `source` says they are from, in the order in which the sources first appear. */
  processChunk(
    events: readonly LogEvent[],
    options: ParallelJoinOptions,
  ): Promise<CorrelatedEvent[]> {
    return collected(this.#among(events, options));
  }

  #among(events: readonly LogEvent[], options: ParallelJoinOptions) {
    return joinAmong(this.#joiner(options), events);
  }

  #joiner(options: ParallelJoinOptions): MultiStreamJoiner {
    return new MultiStreamJoiner({ ...options, ...this.#engine });
  }
}

/** Joins events by their source; of one source there is nothing to join. */
export async function* joinAmong(
  joiner: MultiStreamJoiner,
  events: readonly LogEvent[],
): AsyncGenerator<CorrelatedEvent, void> {
  const streams = new Map<string, LogEvent[]>();
  for (const event of events) {
    const name = (event.source ?? '').replace(/\W/g, '_');
    const named = /^[A-Za-z_]/.test(name) ? name : `_${name}`;
    const stream = streams.get(named);
    if (stream) stream.push(event);
    else streams.set(named, [event]);
  }
  if (streams.size > 1) yield* joiner.joinMultiple(streams);
}

/** All that a join finds. */
export async function collected(found: AsyncIterable<CorrelatedEvent>): Promise<CorrelatedEvent[]> {
  const all: CorrelatedEvent[] = [];
  for await (const one of found) all.push(one);
  return all;
}
