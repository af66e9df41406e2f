// What the tests of Electron join: two sources whose events pair up, and one that gives nothing.
import type { DataSourceAdapter, LogEvent } from 'logbraid';

export const QUERY = 'a({}) as left and on(k) within(1s) b({}) as right';

/** Events 10 ms apart, of which each has a key of its own. */
export function events(count: number, shift = 0): LogEvent[] {
  return Array.from({ length: count }, (_, at) => ({
    timestamp: new Date(Date.UTC(2026, 0, 1) + at * 10 + shift).toISOString(),
    message: `number ${at}`,
    labels: { k: `k${at}` },
  }));
}

/** The same as lines. */
export function linesOf(all: LogEvent[]): string {
  const lines = all.map(({ timestamp, message, labels }) =>
    JSON.stringify({ time: timestamp, message, ...labels }),
  );
  return `${lines.join('\n')}\n`;
}

/** A live source that gives nothing, and tells when it is opened, left and destroyed. */
export class Silent implements DataSourceAdapter {
  readonly selects = false;
  readonly opened: Promise<void>;
  readonly left: Promise<void>;
  readonly destroyed: Promise<void>;
  #open: () => void = () => undefined;
  #leave: () => void = () => undefined;
  #destroy: () => void = () => undefined;

  constructor() {
    this.opened = new Promise((resolve) => (this.#open = resolve));
    this.left = new Promise((resolve) => (this.#leave = resolve));
    this.destroyed = new Promise((resolve) => (this.#destroy = resolve));
  }

  getName(): string {
    return 'silent';
  }

  validateQuery(): boolean {
    return true;
  }

  async *createStream(_: string, { signal }: { signal: AbortSignal }): AsyncGenerator<LogEvent> {
    this.#open();
    await new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => {
        resolve();
      });
    });
    this.#leave();
    yield* [];
  }

  destroy(): Promise<void> {
    this.#destroy();
    return Promise.resolve();
  }
}
