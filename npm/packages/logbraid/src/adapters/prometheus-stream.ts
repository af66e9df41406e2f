import type { EncodedChunk } from '../types.js';
import type { StreamOptions } from './adapter.js';
import { Cursor, chunkOf, nanos } from './cursor.js';
import type { PrometheusSettings } from './prometheus.js';
import { sleep } from './retries.js';
import { Attempts } from './server.js';
import type { Server, ServerRequest } from './server.js';
import type { ReadOptions } from './streams.js';

/** Prometheus gives 11,000 points of a series at once. */
const POINTS = 10_000;

/** The step where none is given: a share of the range, and the least. */
const STEPS = 100;
const LEAST_STEP_MS = 15_000;

type Chunks = AsyncGenerator<EncodedChunk, undefined, undefined>;

/** Reads a query: its value, or its range step by step, then the steps to come. */
export function prometheusStream(
  server: Server,
  settings: PrometheusSettings,
  selector: string,
  options: StreamOptions,
): Chunks {
  return server.stream(options, (given) => read(server, settings, selector, given));
}

async function* read(
  server: Server,
  { mode, stepMs, pollIntervalMs }: PrometheusSettings,
  selector: string,
  options: ReadOptions,
): Chunks {
  const { start, end, range, signal, tell } = options;
  tell({ type: 'history' });
  const requests = new Attempts(server, options);
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
    tell({ type: 'live' });
    await sleep(Math.max(next * step - server.now(), pollIntervalMs ?? 1), signal);
    signal.throwIfAborted();
  }
}

/** As Prometheus takes times and steps: seconds, with milliseconds. */
function seconds(millis: number): string {
  return (millis / 1000).toFixed(3);
}
