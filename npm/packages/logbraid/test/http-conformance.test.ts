// HTTP, as far as its contract goes: what is read once is read once, and what is followed comes exactly once where
// events have ids.
import { HttpAdapter } from 'logbraid/http';
import type { HttpOptions } from 'logbraid/http';

import { conforms } from './conformance.js';
import type { Kind } from './conformance.js';
import { numbered } from './reading.js';
import { LinesServer } from './servers/lines-server.js';

const PASSWORD = 's3cr3t-password';
const REFUSES = [400, 401, 403, 404].map((status) => ({
  answer: { status, body: `no: ${status}` },
  code: 'ADAPTER_ERROR',
}));

const READS_ONCE = {
  checks: 'lines are the business of the engine, whatever is in them',
  resumes: 'what is read once cannot go on where it was broken off',
};

const kinds: [path: string, options: Partial<HttpOptions>, kind: Omit<Kind, 'page' | 'start'>][] = [
  [
    '/lines',
    {},
    {
      name: 'HTTP, lines',
      isLive: false,
      cannot: { ...READS_ONCE, counts: 'lines are counted by the engine' },
    },
  ],
  ['/events', {}, { name: 'HTTP, events', isLive: false, cannot: READS_ONCE }],
  [
    '/lines/live',
    { follow: true },
    {
      name: 'HTTP, lines followed',
      isLive: true,
      cannot: {
        checks: READS_ONCE.checks,
        resumes: 'lines have no ids to go on from',
        counts: 'lines are counted by the engine',
      },
    },
  ],
  ['/live', { follow: true, framing: 'sse' }, { name: 'HTTP, events followed', isLive: true }],
];

for (const [path, own, kind] of kinds) {
  conforms({
    ...kind,
    // So that not all comes at once.
    page: 2000,
    start: async () => {
      const server = await LinesServer.start();
      return {
        server,
        selector: '',
        adapter: (options) =>
          new HttpAdapter({
            url: server.url + path,
            connectTimeout: 500,
            silenceTimeout: 500,
            baseDelay: 50,
            username: 'me',
            password: PASSWORD,
            ...own,
            ...options,
          }),
        push: (numbers) => {
          server.push(...[...numbers].map((number) => JSON.stringify(numbered(number))));
        },
        secret: PASSWORD,
        refuses: REFUSES,
      };
    },
  });
}
