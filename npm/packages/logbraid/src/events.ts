import { EventEmitter } from 'eventemitter3';

import type { AdapterNotice } from './adapters/adapter.js';
import type { EngineEvents } from './types.js';

type Name = keyof EngineEvents;
type Listener<T extends Name> = (...told: EngineEvents[T]) => void;

/** Emits the events of an engine, and notices when listeners come and go. */
export abstract class EngineEmitter extends EventEmitter<EngineEvents> {
  /** Listeners have come or gone. */
  protected abstract listenersChanged(): void;

  /** Emits what an adapter tells. */
  protected tellAdapter(adapter: string, notice: AdapterNotice): void {
    if (notice.type === 'reconnect') {
      const { attempt, delayMs, error } = notice;
      this.emit('adapterReconnect', { adapter, attempt, delayMs, error });
    } else if (notice.type === 'gap') {
      const { from, to, count, reason } = notice;
      this.emit('adapterGap', { adapter, from, to, ...(count !== undefined && { count }), reason });
    }
  }

  override on<T extends Name>(event: T, listener: Listener<T>, context?: unknown): this {
    super.on(event, listener, context);
    this.listenersChanged();
    return this;
  }

  override once<T extends Name>(event: T, listener: Listener<T>, context?: unknown): this {
    super.once(event, listener, context);
    this.listenersChanged();
    return this;
  }

  override addListener<T extends Name>(event: T, listener: Listener<T>, context?: unknown): this {
    return this.on(event, listener, context);
  }

  override removeListener<T extends Name>(
    event: T,
    listener?: Listener<T>,
    context?: unknown,
    once?: boolean,
  ): this {
    super.removeListener(event, listener, context, once);
    this.listenersChanged();
    return this;
  }

  override off<T extends Name>(
    event: T,
    listener?: Listener<T>,
    context?: unknown,
    once?: boolean,
  ): this {
    return this.removeListener(event, listener, context, once);
  }

  override removeAllListeners(event?: Name): this {
    super.removeAllListeners(event);
    this.listenersChanged();
    return this;
  }
}

/** Events of an engine that pass on to whoever stands before it, but for its results: a page, a class of compat. */
export const EVENTS = [
  'badLine',
  'lateEvent',
  'eventDropped',
  'memoryWarning',
  'runsBackwards',
  'paused',
  'resumed',
  'performanceMetrics',
  'adapterError',
  'adapterReconnect',
  'adapterGap',
] as const satisfies readonly (keyof EngineEvents)[];
