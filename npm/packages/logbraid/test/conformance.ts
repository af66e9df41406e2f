// What every adapter of a server has to do, whatever the server does. Each event carries a number, and each
// number has to come exactly once.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import type { AdapterNotice, CorrelationError, DataSourceAdapter, StreamOptions } from 'logbraid';

import type { Cut, MisbehavingServer } from './servers/misbehave.js';

/** A server with an adapter for it. */
export interface Subject {
  server: MisbehavingServer;
  /** Makes an adapter, with a short timeout and waits; more than the usual where a test needs it. */
  adapter: (options?: { maxRetries?: number; url?: string }) => DataSourceAdapter;
  selector: string;
  /** Has the server hold events with these numbers, now. */
  push: (numbers: Iterable<number>) => void;
  /**
   * What the server says to a query that is wrong, and to no credentials; the codes of the errors, and what they
   * tell of it, where that is not all.
   */
  refuses: { answer: { status: number; body: string }; code: string; tells?: string }[];
}

/** How a kind of adapter is tried. */
export interface Kind {
  name: string;
  /** Whether what is pushed later comes, too. */
  isLive: boolean;
  /** Events of one answer. */
  page: number;
  start: () => Promise<Subject>;
}

const HOUR = 3_600_000;

/** An event as adapters of servers hand it on. */
export interface ReadEvent {
  timestamp: string;
  message: string;
  labels: Record<string, string>;
}

/** Reads a stream and keeps its events, and their numbers. */
export class Reading {
  readonly events: ReadEvent[] = [];
  readonly numbers: number[] = [];
  readonly notices: AdapterNotice[] = [];
  readonly done: Promise<void>;
  error: unknown;
  #isOver = false;
  readonly #abort = new AbortController();
  #goOn: (() => void) | undefined;
  #wake: (() => void) | undefined;

  /** With `pauses`, only one item is taken until {@link goOn}. */
  constructor(
    adapter: DataSourceAdapter,
    selector: string,
    { pauses = false, ...options }: { pauses?: boolean } & Partial<StreamOptions> = {},
  ) {
    const stream = adapter.createStream(selector, {
      range: HOUR,
      timeRange: '1h',
      signal: this.#abort.signal,
      tell: (notice) => {
        if (notice.type === 'reconnect' || notice.type === 'gap') this.notices.push(notice);
      },
      ...options,
    }) as AsyncIterable<{ bytes: Uint8Array }>;
    this.done = this.#read(stream, pauses);
  }

  /** Resolves when so many have come; rejects when the stream ends before. */
  async until(count: number): Promise<void> {
    while (this.numbers.length < count) {
      if (!this.#isOver) await new Promise<void>((resolve) => (this.#wake = resolve));
      if (this.#isOver && this.numbers.length < count) {
        throw new Error(`the stream ended after ${this.numbers.length} of ${count}`, {
          cause: this.error,
        });
      }
    }
  }

  /** Those that have come, in order. */
  get sorted(): number[] {
    return [...this.numbers].sort((a, b) => a - b);
  }

  goOn(): void {
    this.#goOn?.();
  }

  async leave(): Promise<void> {
    this.#abort.abort();
    this.goOn();
    await this.done;
  }

  async #read(stream: AsyncIterable<{ bytes: Uint8Array }>, pauses: boolean): Promise<void> {
    try {
      let isFirst = true;
      for await (const { bytes } of stream) {
        for (const line of new TextDecoder().decode(bytes).trimEnd().split('\n')) {
          const event = JSON.parse(line) as ReadEvent;
          this.events.push(event);
          this.numbers.push(Number(/number (\d+)/.exec(event.message)?.[1]));
        }
        this.#wake?.();
        if (pauses && isFirst) await new Promise<void>((resolve) => (this.#goOn = resolve));
        isFirst = false;
      }
    } catch (error) {
      this.error = error;
    }
    this.#isOver = true;
    this.#wake?.();
  }
}

export function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, at) => from + at);
}

/** The suite. */
export function conforms({ name, isLive, page, start }: Kind): void {
  const check = (what: string, body: (subject: Subject) => Promise<void>) => {
    void test(`${name}: ${what}`, async () => {
      const subject = await start();
      try {
        await body(subject);
      } finally {
        await subject.server.close();
      }
    });
  };

  /** Reads all of the first numbers, and those that are pushed then where it is live; each has to come once. */
  const reads = async (subject: Subject, disturb: (s: Subject) => void = () => undefined) => {
    const first = page * 3 + 1;
    subject.push(range(0, first));
    disturb(subject);
    const adapter = subject.adapter();
    const reading = new Reading(adapter, subject.selector);
    let all = first;
    if (isLive) {
      await reading.until(first);
      subject.push(range(first, first + 20));
      all += 20;
      await reading.until(all);
      await reading.leave();
    } else {
      await reading.done;
    }
    assert.equal(reading.error, undefined);
    assert.deepEqual(reading.sorted, range(0, all));
    const status = adapter.status?.();
    assert.equal(status?.events, all);
    assert.equal(status.streams, 0);
    assert.equal(status.state, 'idle');
    await adapter.destroy();
    return reading;
  };

  check('all that is there comes once, in the order of time', async (subject) => {
    const reading = await reads(subject);
    assert.deepEqual(reading.numbers.slice(0, page), range(0, page));
    assert.deepEqual(reading.notices, []);
  });

  const faults: [string, (s: Subject) => void][] = [
    ...[429, 500, 502, 503].map((status): [string, (s: Subject) => void] => [
      `answers ${status}`,
      ({ server }) => {
        server.answer(2, { status, headers: { 'retry-after': '0' }, body: 'not now' });
      },
    ]),
    [
      'sends what is no JSON',
      ({ server }) => {
        server.answer(1, { status: 200, body: 'garbage' });
      },
    ],
    [
      'sends a page',
      ({ server }) => {
        server.answer(1, { status: 200, body: '<!doctype html><title>Sign in</title>' });
      },
    ],
    ...(['inside-text', 'missing-bytes', 'reset'] as Cut[]).map(
      (how): [string, (s: Subject) => void] => [
        `cuts an answer (${how})`,
        ({ server }) => {
          server.spoil(1, how);
        },
      ],
    ),
    [
      'stalls',
      ({ server }) => {
        server.stall(1, Infinity);
      },
    ],
  ];
  for (const [what, disturb] of faults) {
    check(`a server that ${what} is asked again, and nothing is lost`, async (subject) => {
      const { notices } = await reads(subject, disturb);
      assert.ok(notices.length > 0, 'it is told');
      assert.ok(notices.every(({ type }) => type === 'reconnect'));
    });
  }

  check('a server that goes away is waited for', async (subject) => {
    const { server, selector, push } = subject;
    push(range(0, page + 1));
    await server.stop();
    const adapter = subject.adapter({ maxRetries: 1000 });
    const reading = new Reading(adapter, selector);
    while (reading.notices.length < 3) await sleep(5);
    assert.equal(adapter.status?.().state, 'waiting');
    await server.listen();
    await reading.until(page + 1);
    if (isLive) {
      for (const refuse of ['connection', 503] as const) {
        const count = reading.numbers.length;
        const restarted = server.restart({ downMs: 50, refuse });
        push(range(count, count + 10));
        await restarted;
        push(range(count + 10, count + 20));
        await reading.until(count + 20);
      }
    }
    const count = reading.numbers.length;
    await reading.leave();
    assert.deepEqual(reading.sorted, range(0, count));
    await adapter.destroy();
  });

  check('too many failures in a row end the stream with the last', async (subject) => {
    subject.server.answer(1000, { status: 500, body: 'out of order: s3cr3t-password' });
    const adapter = subject.adapter({ maxRetries: 2 });
    const reading = new Reading(adapter, subject.selector);
    await reading.done;
    const { code, message } = reading.error as CorrelationError;
    assert.equal(code, 'ADAPTER_ERROR');
    assert.match(message, /500.*out of order/);
    assert.doesNotMatch(message, /s3cr3t-password/);
    assert.equal(reading.notices.length, 2);
    assert.equal(adapter.status?.().state, 'failed');
    await adapter.destroy();
  });

  check('what can only be refused again is not asked again', async (subject) => {
    for (const { answer, code, tells = answer.body.trim() } of subject.refuses) {
      subject.server.behave();
      subject.server.answer(1000, answer);
      const adapter = subject.adapter();
      const reading = new Reading(adapter, subject.selector);
      await reading.done;
      const error = reading.error as CorrelationError;
      assert.equal(error.code, code);
      assert.ok(error.message.includes(tells), error.message);
      assert.doesNotMatch(error.message, /s3cr3t-password/);
      assert.deepEqual(reading.notices, []);
      await adapter.destroy();
    }
  });

  check('whoever does not read slows the reading down', async (subject) => {
    const { server, selector, push } = subject;
    push(range(0, page * 20));
    const adapter = subject.adapter();
    const reading = new Reading(adapter, selector, { pauses: true });
    await reading.until(1);
    await sleep(100);
    const asked = server.requests.length;
    assert.ok(asked <= 3, `${asked} requests were made`);
    reading.goOn();
    await reading.until(page * 20);
    await reading.leave();
    assert.deepEqual(reading.sorted, range(0, page * 20));
    await adapter.destroy();
  });

  check('two streams at once have all each', async (subject) => {
    subject.push(range(0, page + 5));
    const adapter = subject.adapter();
    const readings = [1, 2].map(() => new Reading(adapter, subject.selector));
    await Promise.all(readings.map(async (reading) => reading.until(page + 5)));
    await Promise.all(readings.map(async (reading) => reading.leave()));
    for (const { sorted } of readings) assert.deepEqual(sorted, range(0, page + 5));
    await adapter.destroy();
  });

  check('it can be left at any time, and leaves nothing behind', async (subject) => {
    subject.push(range(0, page * 2));
    const adapter = subject.adapter();
    for (let turns = 0; turns < 40; turns += 1) {
      const reading = new Reading(adapter, subject.selector);
      for (let at = 0; at < turns; at += 1) await new Promise(setImmediate);
      await reading.leave();
      assert.equal(reading.error, undefined);
    }
    // Also while it waits to try again, and for an answer that does not come.
    for (const disturb of [
      () => {
        subject.server.answer(1000, { status: 503, headers: { 'retry-after': '100' } });
      },
      () => {
        subject.server.stall(1000, Infinity);
      },
    ]) {
      subject.server.behave();
      disturb();
      const reading = new Reading(adapter, subject.selector);
      await sleep(30);
      await reading.leave();
      assert.equal(reading.error, undefined);
    }
    await adapter.destroy();
    while (subject.server.sockets.size > 0) await sleep(5);
    assert.equal(adapter.status?.().streams, 0);
  });

  check('destroying it ends its streams, while they connect, too', async (subject) => {
    subject.push(range(0, 3));
    subject.server.stall(1000, Infinity);
    const adapter = subject.adapter();
    const reading = new Reading(adapter, subject.selector);
    await sleep(20);
    await adapter.destroy();
    await reading.done;
    assert.equal(reading.error, undefined);
    const late = new Reading(adapter, subject.selector);
    await late.done;
    assert.deepEqual(late.numbers, []);
  });
}
