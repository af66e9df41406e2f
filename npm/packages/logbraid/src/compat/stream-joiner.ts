import type { CorrelatedEvent } from './correlated-event.js';
import { MultiStreamJoiner } from './multi-stream-joiner.js';
import type { EventStream } from './multi-stream-joiner.js';

/** Joins two streams of events. The engine does it, one for each call. */
export class StreamJoiner extends MultiStreamJoiner {
  /** Joins streams that end. Correlations come as soon as they are final, in order of time. */
  join(
    left: EventStream,
    right: EventStream,
    leftName = 'left',
    rightName = 'right',
  ): AsyncGenerator<CorrelatedEvent, void> {
    return this.run(named(left, right, leftName, rightName), true);
  }

  /**
   * Joins streams that may never end. Each correlation comes once: when it is complete and nothing has joined
   * it for `processingInterval`, or when it is final.
   */
  joinRealtime(
    left: EventStream,
    right: EventStream,
    leftName = 'left',
    rightName = 'right',
  ): AsyncGenerator<CorrelatedEvent, void> {
    return this.run(named(left, right, leftName, rightName), false);
  }
}

function named(left: EventStream, right: EventStream, leftName: string, rightName: string) {
  return [[leftName, left] as const, [rightName, right] as const];
}
