// A file, as far as its contract goes: read once, and followed while it is appended to.
import { mkdtempSync, rmSync } from 'node:fs';
import { appendFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';

import { FileAdapter } from 'logbraid/file';

import { conforms } from './conformance.js';
import type { DisturbedServer } from './conformance.js';
import { numbered } from './reading.js';

const NO_SERVER = 'a file has no server';

for (const follow of [false, true]) {
  conforms({
    name: follow ? 'a file, followed' : 'a file',
    isLive: follow,
    // So that two pages are more than what is read at once.
    page: 8000,
    cannot: {
      answers: NO_SERVER,
      checks: NO_SERVER,
      resumes: NO_SERVER,
      server: NO_SERVER,
      counts: 'lines are counted by the engine',
    },
    start: async () => {
      const folder = mkdtempSync(path.join(os.tmpdir(), 'logbraid-conformance-'));
      const file = path.join(folder, 'app.log');
      await appendFile(file, '');
      return {
        server: noServer(() => {
          rmSync(folder, { recursive: true });
        }),
        selector: '',
        adapter: () => new FileAdapter(file, { follow, pollInterval: 20 }),
        push: async (numbers) => {
          const lines = [...numbers].map((number) => `${JSON.stringify(numbered(number))}\n`);
          await appendFile(file, lines.join(''));
        },
      };
    },
  });
}

/** What a file stands behind: nothing that could be disturbed. */
function noServer(close: () => void): DisturbedServer {
  const nothing = () => Promise.resolve();
  return {
    sockets: new Set(),
    listen: nothing,
    stop: nothing,
    restart: nothing,
    stall: () => undefined,
    behave: () => undefined,
    close: () => {
      close();
      return Promise.resolve();
    },
  };
}
