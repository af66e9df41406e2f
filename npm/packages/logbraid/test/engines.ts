// Engines that answer differently, and what each has to find, for tests that run many beside each other.
import { setImmediate as turn } from 'node:timers/promises';

import { CorrelationEngine } from 'logbraid';
import type { EngineOptions, LogEvent } from 'logbraid';

/** Which engines a thread or process runs at once. */
export interface Share {
  first: number;
  count: number;
  backend: 'native' | 'wasm';
}

const KEYS = 20;

/** What the engine of that number finds: its own keys, each with as many events as it allows; in no order. */
export function expected(number: number): string[] {
  const events = Math.min(1 + matches(number), mostEvents(number));
  return Array.from({ length: KEYS }, (_, at) => `${number}-${at} ${events}`).sort();
}

/** What the engine of that number has found, while others are running. */
export async function found(number: number, options: EngineOptions): Promise<string[]> {
  const own: EngineOptions = {
    emit: 'final',
    maxEventsPerCorrelation: mostEvents(number),
    lateTolerance: number,
    ...options,
  };
  await using engine = new CorrelationEngine(own);
  engine.addAdapter('a', paced(number, 1)).addAdapter('b', paced(number, matches(number)));
  const all = await engine.run('a({})[1m] and on(k) within(100ms) b({})[1m]');
  return all.map(({ joinValue, events }) => `${joinValue} ${events.length}`).sort();
}

/** What the engines of a share have found, by their numbers. */
export async function share({ first, count, backend }: Share): Promise<[number, string[]][]> {
  const numbers = Array.from({ length: count }, (_, at) => first + at);
  return Promise.all(
    // On one thread of the query and on two.
    numbers.map(async (number) => [
      number,
      await found(number, { backend, threads: 1 + (number % 2) }),
    ]),
  );
}

const matches = (number: number) => 1 + (number % 5);

const mostEvents = (number: number) => 2 + (number % 4);

/** Events of a source, `each` of a key, one by one, so that engines take turns. */
async function* paced(number: number, each: number): AsyncGenerator<LogEvent> {
  for (let at = 0; at < KEYS; at += 1) {
    for (let of = 0; of < each; of += 1) {
      await turn();
      yield { timestamp: at * 1000 + of, message: '', labels: { k: `${number}-${at}` } };
    }
  }
}
