import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';

import { OptionError } from 'logbraid';
import { LokiAdapter } from 'logbraid/loki';
import type { LokiOptions } from 'logbraid/loki';

import { conforms } from './conformance.js';
import { LOKI_REFUSES } from './real-subjects.js';
import { LokiServer } from './servers/loki-server.js';

const PAGE = 50;

/** Entries of now, in order. */
function pusher(server: LokiServer) {
  return (numbers: Iterable<number>) => {
    const now = BigInt(Date.now()) * 1_000_000n;
    for (const number of numbers) {
      // Of two services, whose entries Loki does not merge.
      const labels = { app: 'a', service: `s${number % 2}` };
      server.push(labels, [[now + BigInt(number), `number ${number}`]]);
    }
  };
}

for (const mode of ['history', 'poll', 'tail'] as const) {
  conforms({
    name: `Loki, ${mode}`,
    isLive: mode !== 'history',
    page: PAGE,
    start: async () => {
      const server = await LokiServer.start();
      return {
        server,
        selector: '{app="a"}',
        adapter: (options) =>
          new LokiAdapter({
            url: server.url,
            mode,
            limit: PAGE,
            pollInterval: 5,
            timeout: 1000,
            username: 'me',
            password: 's3cr3t-password',
            ...options,
          }),
        push: pusher(server),
        secret: 's3cr3t-password',
        refuses: LOKI_REFUSES,
      };
    },
  });
}

void test('options are checked', () => {
  const wrong = (options: object, message: RegExp) => {
    assert.throws(
      () => new LokiAdapter(options as LokiOptions),
      (error) => {
        assert.ok(error instanceof OptionError, String(error));
        assert.match(error.message, message);
        assert.doesNotMatch(inspect(error), /s3cr3t/);
        return true;
      },
    );
  };
  wrong({ url: 'loki:3100' }, /^url must be such as http:\/\/loki:3100, not /);
  wrong({ url: 'http://l', mode: 'push' }, /^mode must be 'tail' or 'poll' or 'history'/);
  wrong({ url: 'http://l', interval: 1 }, /there is no option interval; there are: url, headers/);
  wrong({ url: 'http://l', token: 'a', username: 'b' }, /token and username exclude each other/);
  wrong({ url: 'http://l', maxRetries: -1 }, /maxRetries/);
  wrong(
    { url: 'http://l', proxy: 'ftp://me:s3cr3t-password@p' },
    /^proxy must be a URL such as .*, not ftp:\/\/p\/$/,
  );
  const proxy = '//me:s3cr3t-password@proxy:3128';
  wrong({ url: 'http://l', proxy }, /^proxy must be a URL such as .*, not \(no URL\)$/);
  wrong({ url: 'http://me:s3cr3t%zz@l' }, /^url has a user or a password with a % that encodes/);
  for (const scheme of ['http', 'socks5']) {
    const encoded = `${scheme}://me:s3cr3t%zz@proxy:3128`;
    wrong({ url: 'http://l', proxy: encoded }, /^proxy has a user or a password with a % that/);
  }
});
