import { load } from '#platform';
import type { EncodedChunk } from '../types.js';
import type { StreamOptions } from './adapter.js';
import { Cursor, chunkOf, nanos } from './cursor.js';
import type { PrometheusSettings } from './prometheus.js';
import { sleep } from './retries.js';
import { Attempts } from './server.js';
import type { Server, ServerRequest } from './server.js';

/** Prometheus gives 11,000 points of a series at once. */
const POINTS = 10_000;

/** The step where none is given: a share of the range, and the least. */
const STEPS = 100;
const LEAST_STEP_MS = 15_000;

type Chunks = AsyncGenerator<EncodedChunk, void, undefined>;

/** Reads a query: its value, or its range step by step, then the steps to come. */
export async function* prometheusStream(
  server: Server,
  { mode, stepMs, pollIntervalMs }: PrometheusSettings,
  selector: string,
  options: StreamOptions,
): Chunks {
  const { start, end, range, tell } = options;
  const life = server.open(options.signal);
  const { signal } = life;
  try {
    await load();
    signal.throwIfAborted();
    server.status.state = 'history';
    tell?.({ type: 'history' });
    const requests = new Attempts(server, { signal, ...(tell && { tell }) });
    const cursor = new Cursor(server, 'prometheus', 0n, 0);
    async function* ask(path: string, query: NonNullable<ServerRequest['query']>): Chunks {
      const content = await requests.until(async () =>
        cursor.take(await server.request(path, { query, signal }), `GET ${path}`),
      );
      yield* chunkOf(content);
    }
    if (mode === 'instant') {
      yield* ask('/api/v1/query', { query: selector, time: end && seconds(end.getTime()) });
      return;
    }
    const step = stepMs ?? Math.max(range / STEPS, LEAST_STEP_MS);
    const from = start?.getTime() ?? server.now() - range;
    /** The next step that has not been asked for, counted from 1970. */
    let next = Math.ceil(from / step);
    for (;;) {
      const until = Math.min(server.now(), end?.getTime() ?? Infinity);
      const last = Math.floor(until / step);
      while (next <= last) {
        const to = Math.min(last, next + POINTS - 1);
        yield* ask('/api/v1/query_range', {
          query: selector,
          start: seconds(next * step),
          end: seconds(to * step),
          step: seconds(step),
        });
        next = to + 1;
      }
      cursor.reached(nanos(last * step));
      if (mode === 'range' || (end && next * step > end.getTime())) return;
      server.status.state = 'live';
      tell?.({ type: 'live' });
      await sleep(Math.max(next * step - server.now(), pollIntervalMs ?? 1), signal);
      signal.throwIfAborted();
    }
  } catch (error) {
    // Whoever aborts wants to hear of nothing more.
    if (!signal.aborted) throw error;
  } finally {
    life.end();
  }
}

/** As Prometheus takes times and steps: seconds, with milliseconds. */
function seconds(millis: number): string {
  return (millis / 1000).toFixed(3);
}
