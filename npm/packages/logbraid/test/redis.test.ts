// A source that acknowledges, against a real Redis.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { createClient } from 'redis';

import { CorrelationEngine, createWorkerEngine } from 'logbraid';
import { conforms } from './conformance.js';
import type { Subject } from './conformance.js';
import { numbered, range } from './reading.js';
import { RedisStreamAdapter } from './redis-stream.js';
import { RedisServer } from './servers/redis-server.js';
import { TcpFront } from './servers/tcp-front.js';

const PAGE = 50;
const GROUP = 'logbraid';

let redis: RedisServer;
let client: ReturnType<typeof createClient>;
before(async () => {
  redis = await RedisServer.start();
  client = createClient({ url: redis.url });
  await client.connect();
});
after(async () => {
  client.destroy();
  await redis.close();
});

let streams = 0;

/** A stream of its own; entries are named by their numbers. */
async function redisSubject(count: number): Promise<Subject> {
  const server = await TcpFront.start(redis.port);
  streams += 1;
  const key = `numbers-${streams}`;
  await client.xGroupCreate(key, GROUP, '0', { MKSTREAM: true });
  return {
    server,
    selector: '',
    adapter: (options) =>
      new RedisStreamAdapter({
        url: `redis://127.0.0.1:${server.port}`,
        key,
        group: GROUP,
        count,
        ...options,
      }),
    push: async (numbers) => {
      const added = [...numbers].map((number) =>
        client.xAdd(key, `0-${number + 1}`, { event: JSON.stringify(numbered(number)) }),
      );
      await Promise.all(added);
    },
    pending: async () => {
      const entries = await client.xPendingRange(key, GROUP, '-', '+', 1_000_000);
      return entries.map(({ id }) => Number(id.split('-')[1]) - 1);
    },
  };
}

conforms({
  name: 'a Redis stream',
  isLive: true,
  acknowledges: true,
  page: PAGE,
  cannot: {
    answers: 'Redis has a protocol of its own',
    checks: 'Redis has a protocol of its own',
    resumes: 'Redis has a protocol of its own',
    counts: 'the adapter of the tests has no status',
    shares: 'the streams of one consumer group share what comes',
  },
  start: () => redisSubject(PAGE),
});

for (const [where, make] of [
  ['in one thread', () => new CorrelationEngine({ threads: 1, emit: 'eager', bufferSize: 10 })],
  ['in a Worker', () => createWorkerEngine({ emit: 'eager', bufferSize: 10 })],
] as const) {
  test(`what an engine ${where} has not taken as a whole comes to the next query`, async () => {
    const COUNT = 10_000;
    const subject = await redisSubject(COUNT);
    const { pending } = subject;
    assert.ok(pending);
    try {
      await subject.push(range(0, COUNT + 10));
      const read = async (until: number) => {
        await using engine = make();
        engine.addAdapter('a', subject.adapter());
        engine.addAdapter(
          'b',
          range(0, COUNT + 10).map((number) => numbered(number)),
        );
        const found = new Set<number>();
        const query = 'a({})[1h] as left and on(n) b({})[1h] as right';
        for await (const { joinValue } of engine.correlate(query)) {
          found.add(Number(joinValue));
          if (found.size === until) break;
        }
        return found;
      };
      // Left amid the first item.
      await read(20);
      assert.deepEqual(await pending(), range(0, COUNT));
      const found = await read(COUNT + 10);
      assert.equal(found.size, COUNT + 10);
      assert.ok((await pending()).every((number) => number >= COUNT));
    } finally {
      await subject.server.close();
    }
  });
}
