// Reads a Redis stream as a consumer of a group: what an adapter looks like whose source hears what has been taken.
import { createClient } from 'redis';

import { AdapterError } from 'logbraid';
import type { DataSourceAdapter, LogEvent, StreamOptions } from 'logbraid';
import { Retries, sleep } from '#dist/adapters/retries.js';

export interface RedisStreamOptions {
  url: string;
  /** Of the stream, whose entries have an event as JSON in the field `event`. */
  key: string;
  /** Of the consumers, which share what comes. */
  group: string;
  /** Entries of one item, at most. */
  count: number;
  maxRetries?: number | undefined;
}

type Client = ReturnType<typeof clientOf>;
type Ask = <Answer>(command: (client: Client) => Promise<Answer>) => Promise<Answer>;
type Entries = { messages: { id: string; message: Record<string, string> }[] }[];

export class RedisStreamAdapter implements DataSourceAdapter {
  readonly bounded = false;
  readonly selects = false;
  readonly #options: RedisStreamOptions;
  readonly #life = new AbortController();

  constructor(options: RedisStreamOptions) {
    this.#options = options;
  }

  getName(): string {
    return 'redis-stream';
  }

  async *createStream(
    _selector: string,
    { signal: left, tell }: StreamOptions,
  ): AsyncGenerator<LogEvent[]> {
    const { url, key, group, count, maxRetries } = this.#options;
    const signal = AbortSignal.any([left, this.#life.signal]);
    const retries = new Retries({ maxRetries, baseDelay: 20 });
    let client: Client | undefined;
    /** What has been delivered and not acknowledged comes first, and again after each interruption. */
    let after = '0';
    const aborted = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => {
        reject(new Error('left'));
      });
    });
    aborted.catch(() => undefined);
    const ask: Ask = async (command) => {
      for (;;) {
        try {
          if (!client) {
            const opening = await open(url);
            client = opening.client;
            await Promise.race([opening.ready, aborted]);
          }
          const answer = await Promise.race([command(client), aborted]);
          retries.reset();
          return answer;
        } catch (cause) {
          if (client?.isOpen) client.destroy();
          client = undefined;
          after = '0';
          const error = new AdapterError(`${url}: ${String(cause)}`, { cause });
          const delayMs = signal.aborted ? undefined : retries.next();
          if (delayMs === undefined) throw error;
          tell?.({ type: 'reconnect', attempt: retries.attempt, delayMs, error });
          await sleep(delayMs, signal);
          if (signal.aborted) throw error;
        }
      }
    };
    try {
      while (!signal.aborted) {
        const read = (await ask((one) =>
          one.xReadGroup(group, 'one', { key, id: after }, { COUNT: count, BLOCK: 0 }),
        )) as Entries | null;
        const entries = read?.[0]?.messages ?? [];
        if (entries.length === 0) {
          after = '>';
          continue;
        }
        yield entries.map(({ message }) => JSON.parse(message['event'] ?? '') as LogEvent);
        await ask((one) =>
          one.xAck(
            key,
            group,
            entries.map(({ id }) => id),
          ),
        );
      }
    } catch (error) {
      // Whoever leaves wants to hear of nothing more.
      if (!signal.aborted) throw error;
    } finally {
      if (client?.isOpen) client.destroy();
    }
  }

  validateQuery(): boolean {
    return true;
  }

  destroy(): Promise<void> {
    this.#life.abort();
    return Promise.resolve();
  }
}

/** A client that has a connection; one that is destroyed before would leave it behind. */
async function open(url: string): Promise<{ client: Client; ready: Promise<unknown> }> {
  const client = clientOf(url);
  // What fails is told by the command that it fails.
  client.on('error', () => undefined);
  const connected = new Promise((resolve) => client.once('connect', resolve));
  const ready = client.connect();
  await Promise.race([connected, ready]);
  ready.catch(() => undefined);
  return { client, ready };
}

function clientOf(url: string) {
  return createClient({ url, socket: { reconnectStrategy: false } });
}
