// A Loki of the tests, adapters for it and what they read, which all end with the test.
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { LokiAdapter } from 'logbraid/loki';
import type { LokiOptions } from 'logbraid/loki';

import { Reading } from './reading.js';
import type { ReadingOptions } from './reading.js';
import type { LokiOptions as ServerOptions } from './servers/loki-server.js';
import { LokiServer } from './servers/loki-server.js';
import type { Labels } from './servers/logql.js';

/** Entries of one answer. */
export const PAGE = 50;

export const SELECTOR = '{app="a"}';

/** Now, in nanoseconds since the epoch. */
export function now(): bigint {
  return BigInt(Date.now()) * 1_000_000n;
}

export class Scene {
  readonly server: LokiServer;
  readonly #adapters: LokiAdapter[] = [];
  readonly #readings: Reading[] = [];

  private constructor(server: LokiServer) {
    this.server = server;
  }

  static async begin(t: TestContext, options: ServerOptions = {}): Promise<Scene> {
    const scene = new Scene(await LokiServer.start(options));
    t.after(async () => {
      await Promise.all(scene.#readings.map((reading) => reading.leave()));
      await Promise.all(scene.#adapters.map((adapter) => adapter.destroy()));
      await scene.server.close();
    });
    return scene;
  }

  adapter(options: Partial<LokiOptions> = {}): LokiAdapter {
    const { url } = this.server;
    const adapter = new LokiAdapter({
      url,
      limit: PAGE,
      pollInterval: 5,
      timeout: 1000,
      ...options,
    });
    this.#adapters.push(adapter);
    return adapter;
  }

  read(adapter: LokiAdapter, options: ReadingOptions & { selector?: string } = {}): Reading {
    const { selector = SELECTOR, ...others } = options;
    const reading = new Reading(adapter, selector, others);
    this.#readings.push(reading);
    return reading;
  }

  /** Resolves when the adapter has read what was there, and reads what comes; or has failed. */
  static async live(adapter: LokiAdapter): Promise<void> {
    while (!['live', 'failed'].includes(adapter.status().state)) await sleep(1);
  }

  /** Entries with these numbers, of this time or a nanosecond later each. */
  push(numbers: Iterable<number>, time = now(), metadata: Labels = {}, labels: Labels = {}): void {
    let at = time;
    for (const number of numbers) {
      this.server.push({ app: 'a', ...labels }, [[at, `number ${number}`, metadata]]);
      at += 1n;
    }
  }
}
