// What the suite asks of leaving a stream, whatever it waits for: nothing fails, and nothing stays open.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';

import type { DataSourceAdapter } from 'logbraid';

import type { Ability, Check, Kind } from './conformance.js';
import { range, read } from './reading.js';
import type { Reading } from './reading.js';

/** Where a reading is: before its first event, amid what was there, at what comes, between a failure and the next try. */
type Place = 'beginning' | 'history' | 'live' | 'waiting';

const NEEDS: Record<Place, Ability[]> = {
  beginning: [],
  history: ['pages'],
  live: [],
  waiting: ['server'],
};

/** A reading is left at its place, and after each number of turns of the event loop up to this one. */
const TURNS = 10;

/** Adds the tests. */
export function leaving(check: Check, { isLive, acknowledges, page }: Kind): void {
  const all = page * 2;

  const isAt = (place: Place, { numbers, notices }: Reading, adapter: DataSourceAdapter) => {
    const state = adapter.status?.().state;
    switch (place) {
      case 'beginning':
        return numbers.length === 0;
      case 'history':
        return numbers.length > 0 && numbers.length < all;
      case 'live':
        return numbers.length >= all && (state ?? place) === place;
      case 'waiting':
        return notices.length > 0 && (state ?? place) === place;
    }
  };

  for (const place of ['beginning', 'history', 'live', 'waiting'] as const) {
    if (place === 'live' && !isLive) continue;
    check(
      `it can be left at any time, and leaves nothing open: ${place}`,
      async (subject) => {
        await subject.push(range(0, all));
        const adapter = subject.adapter({ maxRetries: 1000 });
        if (place === 'waiting') await subject.server.stop();
        let left = 0;
        for (let turns = 0; turns < TURNS; turns += 1) {
          const reading = read(subject, adapter, { pausesAt: place === 'history' ? 1 : Infinity });
          if (place === 'history') {
            await reading.until(1);
            reading.goOn();
            // So that the next has been asked for.
            await turn();
          } else {
            while (!isAt(place, reading, adapter)) await turn();
          }
          for (let at = 0; at < turns; at += 1) await turn();
          if (isAt(place, reading, adapter)) left += 1;
          await reading.leave();
          assert.equal(reading.error, undefined);
          // What has been taken does not come again.
          if (acknowledges) await subject.push(range(all * (turns + 1), all * (turns + 2)));
        }
        assert.ok(left > 0, 'none was left there');
        await adapter.destroy();
        while (subject.server.sockets.size > 0) await sleep(5);
      },
      NEEDS[place],
    );
  }
}

async function turn(): Promise<void> {
  await new Promise(setImmediate);
}
