// Many engines in one process, in its threads and in the processes of a cluster: each gives its own answer, and
// nothing is left of it when it is gone.
import assert from 'node:assert/strict';
import cluster from 'node:cluster';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';

import { expected, found, share } from './engines.js';
import type { Share } from './engines.js';

const MEMBER = fileURLToPath(new URL('engines-member.js', import.meta.url));
const CYCLES = fileURLToPath(new URL('engines-cycles.js', import.meta.url));

const BACKENDS = ['native', 'wasm'] as const;

/** Fails where an engine of these has not found what it had to. */
function check(answers: [number, string[]][], count: number): void {
  assert.equal(new Set(answers.map(([number]) => number)).size, count);
  for (const [number, answer] of answers) assert.deepEqual(answer, expected(number));
}

/** Shares of engines, of both backends. */
function shares(members: number, count: number): Share[] {
  return Array.from({ length: members }, (_, at) => ({
    first: at * count,
    count,
    backend: BACKENDS[at % 2] ?? 'native',
  }));
}

test('engines of one process answer as if each were alone', async () => {
  const answers = await Promise.all(shares(2, 20).map(share));
  check(answers.flat(), 40);
});

test('engines of several threads answer as if each were alone, while the main thread has its own', async () => {
  const all = shares(4, 8).map(async (workerData) => {
    const worker = new Worker(MEMBER, { workerData });
    const [answers] = (await once(worker, 'message')) as [[number, string[]][]];
    // It ends by itself: nothing holds it.
    assert.deepEqual(await once(worker, 'exit'), [0]);
    return answers;
  });
  const own = found(99, {});
  check((await Promise.all(all)).flat(), 32);
  assert.deepEqual(await own, expected(99));
});

test('a thread that is ended while its engines run disturbs no other', async () => {
  const [one, other] = shares(2, 20).map((workerData) => new Worker(MEMBER, { workerData }));
  assert.ok(one && other);
  await once(one, 'online');
  const answer = once(other, 'message') as Promise<[[number, string[]][]]>;
  await one.terminate();
  check((await answer)[0], 20);
  check(await share({ first: 40, count: 4, backend: 'native' }), 4);
});

test('engines of a cluster answer as if each were alone, and its processes end by themselves', async () => {
  cluster.setupPrimary({ exec: MEMBER });
  const all = shares(4, 8).map(async (asked) => {
    const member = cluster.fork({ LOGBRAID_SHARE: JSON.stringify(asked) });
    const [answers] = (await once(member, 'message')) as [[number, string[]][]];
    assert.deepEqual(await once(member, 'exit'), [0, null]);
    return answers;
  });
  check((await Promise.all(all)).flat(), 32);
});

/** What a process holds, as engines-cycles.js tells it. */
interface Held {
  resources: string[];
  files: number;
  threads: number;
  rss: number;
  heap: number;
}

const skip =
  process.platform !== 'linux' && '/proc tells of files and threads, and only Linux has it';

/** What a process may hold more of after the cycles, in bytes: less than the events of a source in each of them. */
const MARGIN = 8 << 20;

for (const [kind, count] of [
  ['native', 1000],
  ['wasm', 1000],
  // Each starts a thread, with a heap and an engine of its own, which takes as long as dozens of the others.
  ['worker', 50],
] as const) {
  test(
    `${kind}: nothing is left of ${count} engines that were made and destroyed`,
    { skip },
    () => {
      // With a small nursery, as V8 calls where objects are made, memory is not what happens to wait there for a collection.
      const args = ['--expose-gc', '--max-semi-space-size=1', CYCLES, kind, `${count}`];
      const printed = execFileSync(process.execPath, args, { encoding: 'utf8' });
      const [before, left] = JSON.parse(printed) as [Held, Held];
      const { resources, files, threads } = before;
      assert.deepEqual(left, { ...left, resources, files, threads });
      assert.ok(left.heap - before.heap < MARGIN / 2, printed);
      assert.ok(left.rss - before.rss < MARGIN, printed);
    },
  );
}
