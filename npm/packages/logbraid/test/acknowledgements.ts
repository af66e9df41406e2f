// What the suite asks of a source that acknowledges: what comes before the next is asked for has been taken, and
// nothing else has.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';

import type { Check, Subject } from './conformance.js';
import { range, read } from './reading.js';

/** Adds the tests; of a source that gives so many events at once. */
export function acknowledgements(check: Check, page: number): void {
  check('what is asked past is acknowledged, and what came last is not', async (subject) => {
    await subject.push(range(0, page * 3));
    const adapter = subject.adapter();
    const reading = read(subject, adapter, { pausesAt: 2 });
    await reading.until(page * 2);
    // What is acknowledged, and what is held, is that now, and stays so.
    for (const waitMs of [0, 50]) {
      await sleep(waitMs);
      assert.deepEqual(await pendingOf(subject), range(page, page * 2));
    }
    reading.goOn();
    await reading.until(page * 3);
    while ((await pendingOf(subject)).length > 0) await sleep(5);
    await reading.leave();
    await adapter.destroy();
    assert.deepEqual(reading.sorted, range(0, page * 3));
  });

  check(
    'what came last when a stream is left comes again, and nothing before it',
    async (subject) => {
      await subject.push(range(0, page * 4));
      const adapter = subject.adapter();
      const left = read(subject, adapter, { pausesAt: 2 });
      await left.until(page * 2);
      await left.leave();
      assert.equal(left.error, undefined);
      assert.deepEqual(await pendingOf(subject), range(page, page * 2));
      const next = read(subject, adapter);
      await next.until(page * 3);
      assert.deepEqual(next.numbers, range(page, page * 4));
      while ((await pendingOf(subject)).length > 0) await sleep(5);
      await next.leave();
      await adapter.destroy();
    },
  );

  check('what is lost on its way comes again', async (subject) => {
    await subject.push(range(0, page));
    const adapter = subject.adapter({ maxRetries: 1000 });
    const reading = read(subject, adapter);
    await reading.until(page);
    while ((await pendingOf(subject)).length > 0) await sleep(5);
    assert.ok(subject.server.lose);
    subject.server.lose();
    await subject.push(range(page, page * 2));
    await reading.until(page * 2);
    assert.ok(reading.notices.length > 0, 'the connection has been cut');
    await reading.leave();
    await adapter.destroy();
    assert.deepEqual(reading.sorted, range(0, page * 2));
  });

  check('a server that goes away before it hears of it is told later', async (subject) => {
    await subject.push(range(0, page * 2));
    const adapter = subject.adapter({ maxRetries: 1000 });
    const reading = read(subject, adapter, { pausesAt: 1 });
    await reading.until(page);
    await subject.server.stop();
    reading.goOn();
    while (reading.notices.length < 2) await sleep(5);
    await subject.server.listen();
    await reading.until(page * 2);
    while ((await pendingOf(subject)).length > 0) await sleep(5);
    await reading.leave();
    await adapter.destroy();
    assert.deepEqual(reading.sorted, range(0, page * 2));
  });
}

async function pendingOf({ pending }: Subject): Promise<number[]> {
  assert.ok(pending, 'a source that acknowledges says what it waits for');
  return pending();
}
