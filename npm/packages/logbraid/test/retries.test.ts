// How adapters try again, and what of their requests is never shown.
import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { test } from 'node:test';

import { OptionError } from 'logbraid';

import { Secrets, redactUrl } from '#dist/adapters/redact.js';
import { Retries, isTransient, retryAfter, sleep } from '#dist/adapters/retries.js';

test('waits double up to a bound, and any wait up to that may be picked', () => {
  const longest = new Retries({ maxRetries: 9, random: () => 1 });
  const waits = Array.from({ length: 9 }, () => longest.next());
  assert.deepEqual(waits, [250, 500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
  assert.equal(longest.next(), undefined);
  const shortest = new Retries({ random: () => 0 });
  assert.equal(shortest.next(), 0);
  assert.equal(shortest.attempt, 1);
  const own = new Retries({ baseDelay: '1s', maxDelay: 1500, random: () => 0.5 });
  assert.deepEqual([own.next(), own.next()], [500, 750]);
});

test('an attempt that goes well begins anew', () => {
  const retries = new Retries({ maxRetries: 1, random: () => 1 });
  assert.equal(retries.next(), 250);
  assert.equal(retries.next(), undefined);
  retries.reset();
  assert.equal(retries.attempt, 0);
  assert.equal(retries.next(), 250);
  assert.equal(new Retries({ maxRetries: 0 }).next(), undefined);
});

test('what the server asks for is waited before anything that is picked', () => {
  const now = Date.parse('2026-01-01T00:00:00Z');
  assert.equal(retryAfter('120'), 120_000);
  assert.equal(retryAfter('Thu, 01 Jan 2026 00:00:05 GMT', now), 5000);
  assert.equal(retryAfter('Wed, 31 Dec 2025 00:00:00 GMT', now), 0);
  for (const none of [null, undefined, '', 'soon', '-1']) assert.equal(retryAfter(none), 0);
  assert.equal(new Retries({ random: () => 1 }).next(5000), 5250);
});

test('wrong options are named', () => {
  for (const [option, options] of [
    ['maxRetries', { maxRetries: -1 }],
    ['maxRetries', { maxRetries: 1.5 }],
    ['baseDelay', { baseDelay: 'soon' }],
    ['maxDelay', { maxDelay: -1 }],
  ] as const) {
    assert.throws(
      () => new Retries(options),
      (error: unknown) => error instanceof OptionError && error.details['option'] === option,
    );
  }
});

test('what a client did wrong is not tried again', () => {
  const statuses = [400, 401, 403, 404, 408, 425, 429, 500, 502, 503, 504];
  assert.deepEqual(statuses.filter(isTransient), [408, 425, 429, 500, 502, 503, 504]);
});

test('a wait ends with its signal and leaves no timer', async () => {
  const timers = () => process.getActiveResourcesInfo().filter((one) => one === 'Timeout').length;
  const before = timers();
  const abort = new AbortController();
  const waiting = sleep(3_600_000, abort.signal);
  assert.equal(timers(), before + 1);
  abort.abort();
  await waiting;
  await sleep(3_600_000, abort.signal);
  assert.equal(timers(), before);
  await sleep(1, new AbortController().signal);
});

test('URLs are shown without what is secret in them', () => {
  for (const [url, shown] of [
    [
      'https://me:pw@logs.example/tail?query={a="b"}#t',
      'https://logs.example/tail?query={a=%22b%22}',
    ],
    ['http://h/?access_token=x&n=1&api%5Fkey=y', 'http://h/?access_token=***&n=1&api%5Fkey=***'],
    ['http://h/?X-Amz-Signature=s', 'http://h/?X-Amz-Signature=***'],
    ['me:pw@host', '(no URL)'],
  ] as const) {
    assert.equal(redactUrl(url), shown);
  }
});

test('secrets are taken out of messages and causes', () => {
  const headers = [
    ['Authorization', 'Bearer hunter2hunter2'],
    ['X-Api-Key', 'k-12345'],
    ['Accept', 'text/plain'],
  ] as const;
  const secrets = new Secrets('http://root:s3cr%40t@h/?token=tok_1', headers);
  assert.equal(
    secrets.hide(
      'Bearer hunter2hunter2, hunter2hunter2, k-12345, s3cr@t, s3cr%40t, tok_1, text/plain',
    ),
    '***, ***, ***, ***, ***, ***, text/plain',
  );
  const cause = new TypeError('"k-12345\\n" is no header');
  const error = new Error('fetch failed', { cause });
  assert.equal(secrets.reason(error), 'fetch failed: "***\\n" is no header');
  const carrying = Object.assign(error, { options: { password: 'hunter2hunter2' } });
  const told = secrets.cause(carrying);
  assert.equal(told?.message, 'fetch failed');
  assert.equal((told.cause as Error).message, '"***\\n" is no header');
  assert.equal((told.cause as Error).name, 'TypeError');
  assert.doesNotMatch(inspect(told, { depth: 9, showHidden: true }), /hunter2|k-12345/);
  const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
  assert.equal((secrets.cause(refused) as NodeJS.ErrnoException).code, 'ECONNREFUSED');
  assert.doesNotMatch(inspect(secrets), /hunter2|k-12345/);
});
