// What every adapter of a live source has to do, whatever its server does. Each event carries a number, and each
// number has to come exactly once.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import type { CorrelationError, DataSourceAdapter, StreamOptions } from 'logbraid';

import { acknowledgements } from './acknowledgements.js';
import { leaving } from './leaving.js';
import { range, read } from './reading.js';
import type { ReadEvent, Reading } from './reading.js';
import type { Cut, Restart } from './servers/misbehave.js';
import { MisbehavingServer } from './servers/misbehave.js';

/** What stands between an adapter and what it reads. */
export interface DisturbedServer {
  readonly sockets: ReadonlySet<unknown>;
  listen: () => Promise<unknown>;
  stop: () => Promise<void>;
  close: () => Promise<void>;
  restart: (how: Restart) => Promise<void>;
  /** Lets the next so many wait for so long, or for ever (Infinity). */
  stall: (next: number, ms: number) => void;
  /** Keeps what comes next, and cuts the connection that it was for. */
  lose?: () => void;
  behave: () => void;
}

/** A server with an adapter for it. */
export interface Subject {
  /** A {@link MisbehavingServer} where it can give `answers`. */
  server: DisturbedServer;
  /** Makes an adapter, with a short timeout and waits; more than the usual where a test needs it. */
  adapter: (options?: { maxRetries?: number; url?: string }) => DataSourceAdapter;
  selector: string;
  /** Has the server hold events with these numbers. Resolves when they can be read. */
  push: (numbers: Iterable<number>) => void | Promise<void>;
  /** Which times are asked for. Default: the last hour. */
  times?: () => Pick<StreamOptions, 'start' | 'end'>;
  /** The number of an event. Default: what stands in its message. */
  numberOf?: (event: ReadEvent) => number;
  /** What the adapter has been given that nobody may be told. */
  secret?: string;
  /**
   * What the server says to a query that is wrong, and to no credentials; the codes of the errors, and what they
   * tell of it, where that is not all.
   */
  refuses?: { answer: { status: number; body: string }; code: string; tells?: string }[];
  /** The numbers that have been delivered and not acknowledged, in order. */
  pending?: () => Promise<number[]>;
}

/**
 * What not every kind can do: `answers` are those of HTTP, which can be errors, late and spoiled; one `checks` that an
 * answer is of its server; one `resumes` where an answer is broken off; one `counts` its events in its status; one `shares`
 * all there is with each of several streams; one `stops` where a test has pushed no more; one gives its past in
 * several `pages`; one has a `server`, which can go away and stall.
 */
export type Ability =
  'answers' | 'checks' | 'resumes' | 'counts' | 'shares' | 'stops' | 'pages' | 'server';

/** How a kind of adapter is tried. */
export interface Kind {
  name: string;
  /** Whether what is pushed later comes, too. */
  isLive: boolean;
  /** Whether it tells its server what has been taken. */
  acknowledges?: boolean;
  /** Events of one answer, or of one item. */
  page: number;
  /** What it cannot do, and why: tests of that are skipped, and say so. */
  cannot?: Partial<Record<Ability, string>>;
  start: () => Promise<Subject>;
}

/** Adds a test for each kind that can do what it asks for. */
export type Check = (
  what: string,
  body: (subject: Subject) => Promise<void>,
  needs?: Ability[],
) => void;

/** The suite. */
export function conforms(kind: Kind): void {
  const { name, isLive, page, cannot = {}, start } = kind;

  const check: Check = (what, body, needs = []) => {
    const why = needs.map((ability) => cannot[ability]).find(Boolean);
    void test(`${name}: ${what}`, { skip: why ?? false }, async () => {
      const subject = await start();
      try {
        await body(subject);
      } finally {
        await subject.server.close();
      }
    });
  };

  /** All numbers have come that were pushed, each once; more only where they come by themselves. */
  const assertAll = ({ sorted }: Reading, pushed: number) => {
    const count = cannot.stops === undefined ? pushed : Math.max(pushed, sorted.length);
    assert.deepEqual(sorted, range(0, count));
  };

  /** Reads all of the first numbers, and those that are pushed then where it is live; each has to come once. */
  const reads = async (subject: Subject, disturb: (s: Subject) => void = () => undefined) => {
    const first = page * 3 + 1;
    await subject.push(range(0, first));
    disturb(subject);
    const adapter = subject.adapter();
    const reading = read(subject, adapter);
    let all = first;
    let counted: number | undefined;
    if (isLive) {
      await reading.until(first);
      await subject.push(range(first, first + 20));
      all += 20;
      await reading.until(all);
      // Not only when it is over.
      counted = adapter.status?.().events;
      await reading.leave();
    } else {
      await reading.done;
      counted = adapter.status?.().events;
    }
    assert.equal(reading.error, undefined);
    assertAll(reading, all);
    const status = adapter.status?.();
    if (status) assert.deepEqual([status.streams, status.state], [0, 'idle']);
    await adapter.destroy();
    return { reading, counted, all };
  };

  check('all that is there comes once, in the order of time', async (subject) => {
    const { reading } = await reads(subject);
    assert.deepEqual(reading.numbers.slice(0, page), range(0, page));
    assert.deepEqual(reading.notices, []);
  });

  check(
    'its status counts what has come',
    async (subject) => {
      const { counted = 0, all } = await reads(subject);
      assert.equal(counted, cannot.stops === undefined ? all : Math.max(counted, all));
    },
    ['counts'],
  );

  const asksAgain = (
    what: string,
    disturb: (server: MisbehavingServer) => void,
    need?: Ability,
  ) => {
    check(
      `a server that ${what} is asked again, and nothing is lost`,
      async (subject) => {
        const { notices } = (
          await reads(subject, (s) => {
            disturb(misbehaving(s));
          })
        ).reading;
        assert.ok(notices.length > 0, 'it is told');
        assert.ok(notices.every(({ type }) => type === 'reconnect'));
      },
      ['answers', ...(need ? [need] : [])],
    );
  };
  for (const status of [429, 500, 502, 503]) {
    asksAgain(`answers ${status}`, (server) => {
      server.answer(2, { status, headers: { 'retry-after': '0' }, body: 'not now' });
    });
  }
  asksAgain('stalls', (server) => {
    server.stall(1, Infinity);
  });
  for (const [what, body] of [
    ['sends what is no JSON', 'garbage'],
    ['sends a page', '<!doctype html><title>Sign in</title>'],
  ] as const) {
    asksAgain(
      what,
      (server) => {
        server.answer(1, { status: 200, body });
      },
      'checks',
    );
  }
  for (const how of ['inside-text', 'missing-bytes', 'reset'] as Cut[]) {
    asksAgain(
      `cuts an answer (${how})`,
      (server) => {
        server.spoil(2, how);
      },
      'resumes',
    );
  }

  check(
    'a server that goes away is waited for',
    async (subject) => {
      const { server, push } = subject;
      await push(range(0, page + 1));
      await server.stop();
      const adapter = subject.adapter({ maxRetries: 1000 });
      const reading = read(subject, adapter);
      while (reading.notices.length < 3) await sleep(5);
      if (adapter.status) assert.equal(adapter.status().state, 'waiting');
      await server.listen();
      await reading.until(page + 1);
      if (isLive && cannot.resumes === undefined) {
        for (const refuse of ['connection', 503] as const) {
          const count = reading.numbers.length;
          const restarted = server.restart({ downMs: 50, refuse });
          await push(range(count, count + 10));
          await restarted;
          await push(range(count + 10, count + 20));
          await reading.until(count + 20);
        }
      }
      const count = reading.numbers.length;
      await reading.leave();
      assertAll(reading, count);
      await adapter.destroy();
    },
    ['server'],
  );

  check(
    'too many failures in a row end the stream with the last',
    async (subject) => {
      const { secret = 'none' } = subject;
      misbehaving(subject).answer(1000, { status: 500, body: `out of order: ${secret}` });
      const adapter = subject.adapter({ maxRetries: 2 });
      const reading = read(subject, adapter);
      await reading.done;
      const { code, message } = reading.error as CorrelationError;
      assert.equal(code, 'ADAPTER_ERROR');
      assert.match(message, /500.*out of order/);
      assert.ok(!message.includes(secret), message);
      assert.equal(reading.notices.length, 2);
      assert.equal(adapter.status?.().state, 'failed');
      await adapter.destroy();
    },
    ['answers'],
  );

  check(
    'what can only be refused again is not asked again',
    async (subject) => {
      const { refuses = [], secret = 'none' } = subject;
      assert.ok(refuses.length > 0);
      for (const { answer, code, tells = answer.body.trim() } of refuses) {
        const server = misbehaving(subject);
        server.behave();
        server.answer(1000, answer);
        const adapter = subject.adapter();
        const reading = read(subject, adapter);
        await reading.done;
        const error = reading.error as CorrelationError;
        assert.equal(error.code, code);
        assert.ok(error.message.includes(tells), error.message);
        assert.ok(!error.message.includes(secret), error.message);
        assert.deepEqual(reading.notices, []);
        await adapter.destroy();
      }
    },
    ['answers'],
  );

  check(
    'whoever does not read slows the reading down',
    async (subject) => {
      await subject.push(range(0, page * 20));
      const adapter = subject.adapter();
      const reading = read(subject, adapter, { pausesAt: 1 });
      await reading.until(1);
      await sleep(100);
      const asked = misbehaving(subject).requests.length;
      assert.ok(asked <= 3, `${asked} requests were made`);
      reading.goOn();
      await reading.until(page * 20);
      await reading.leave();
      assertAll(reading, page * 20);
      await adapter.destroy();
    },
    ['answers'],
  );

  check(
    'two streams at once have all each',
    async (subject) => {
      await subject.push(range(0, page + 5));
      const adapter = subject.adapter();
      const readings = [1, 2].map(() => read(subject, adapter));
      await Promise.all(readings.map(async (reading) => reading.until(page + 5)));
      await Promise.all(readings.map(async (reading) => reading.leave()));
      for (const reading of readings) assertAll(reading, page + 5);
      await adapter.destroy();
    },
    ['shares'],
  );

  /** Leaves a stream some time after the server has been disturbed; nothing of it stays. */
  const leaves = async (subject: Subject, disturb: () => void) => {
    await subject.push(range(0, page * 2));
    const adapter = subject.adapter();
    disturb();
    const reading = read(subject, adapter);
    await sleep(30);
    await reading.leave();
    assert.equal(reading.error, undefined);
    await adapter.destroy();
    while (subject.server.sockets.size > 0) await sleep(5);
    if (adapter.status) assert.equal(adapter.status().streams, 0);
  };

  check(
    'it can be left while it waits for an answer that does not come',
    async (subject) => {
      await leaves(subject, () => {
        subject.server.stall(1000, Infinity);
      });
    },
    ['server'],
  );

  check(
    'it can be left while it waits to try again',
    async (subject) => {
      await leaves(subject, () => {
        const answer = { status: 503, headers: { 'retry-after': '100' } };
        misbehaving(subject).answer(1000, answer);
      });
    },
    ['answers'],
  );

  check('destroying it ends its streams, while they connect, too', async (subject) => {
    await subject.push(range(0, 3));
    subject.server.stall(1000, Infinity);
    const adapter = subject.adapter();
    const reading = read(subject, adapter);
    await sleep(20);
    await adapter.destroy();
    await reading.done;
    assert.equal(reading.error, undefined);
    const late = read(subject, adapter);
    await late.done;
    assert.deepEqual(late.numbers, []);
  });

  leaving(check, kind);
  if (kind.acknowledges) acknowledgements(check, page);
}

function misbehaving({ server }: Subject): MisbehavingServer {
  assert.ok(server instanceof MisbehavingServer, 'what answers HTTP misbehaves as such');
  return server;
}
