// Real servers as the suite tries them: behind something that misbehaves, and pushed into as programs do.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

import { GraylogAdapter } from 'logbraid/graylog';
import type { GraylogOptions } from 'logbraid/graylog';
import { LokiAdapter } from 'logbraid/loki';
import type { LokiOptions } from 'logbraid/loki';
import { PrometheusAdapter } from 'logbraid/prometheus';

import type { Subject } from './conformance.js';
import { Front } from './servers/front.js';

/** What all adapters are told; a real server may take its time. */
const COMMON = { timeout: 2000 };

export interface Credentials {
  username?: string | undefined;
  password?: string | undefined;
  token?: string | undefined;
}

export const LOKI_REFUSES = [
  {
    answer: { status: 400, body: 'parse error at line 1, col 3: syntax error: unexpected }' },
    code: 'LOKI_QUERY_ERROR',
  },
  { answer: { status: 401, body: 'no org id' }, code: 'AUTH_REQUIRED' },
  { answer: { status: 404, body: '404 page not found' }, code: 'ADAPTER_ERROR' },
];

export const GRAYLOG_REFUSES = [
  {
    answer: {
      status: 400,
      body: '{"type":"ApiError","message":"Unable to perform search query: cannot parse [a:]"}',
    },
    code: 'GRAYLOG_SEARCH_ERROR',
    tells: 'answered 400 Bad Request: Unable to perform search query: cannot parse [a:]',
  },
  { answer: { status: 400, body: 'Bad Request' }, code: 'GRAYLOG_SEARCH_ERROR' },
  {
    answer: { status: 401, body: '{"type":"ApiError","message":"HTTP 401 Unauthorized"}' },
    code: 'AUTH_REQUIRED',
  },
  { answer: { status: 403, body: 'Forbidden' }, code: 'AUTH_REQUIRED' },
  { answer: { status: 404, body: 'HTTP 404 Not Found' }, code: 'ADAPTER_ERROR' },
];

/** Tells a test from all others, so that none sees what another has pushed. */
function unique(): string {
  return `t${randomBytes(8).toString('hex')}`;
}

/** A Loki at this URL. */
export async function lokiSubject(
  url: string,
  mode: LokiOptions['mode'],
  limit: number,
  { tenant, ...given }: Credentials & { tenant?: string | undefined },
): Promise<Subject> {
  const server = await Front.start(url);
  const run = unique();
  // One that asks for nobody's name takes any.
  const credentials =
    given.token === undefined && given.username === undefined
      ? { username: 'nobody', password: 's3cr3t-password' }
      : given;
  return {
    server,
    selector: `{logbraid="${run}"}`,
    adapter: (options) =>
      new LokiAdapter({
        ...COMMON,
        url: server.url,
        mode,
        limit,
        pollInterval: 20,
        tenant,
        ...credentials,
        ...options,
      }),
    push: async (numbers) => {
      const now = BigInt(Date.now()) * 1_000_000n;
      const values: [string[][], string[][]] = [[], []];
      for (const number of numbers) {
        values[number % 2 === 0 ? 0 : 1].push([String(now + BigInt(number)), `number ${number}`]);
      }
      // Of two services, whose entries Loki does not merge.
      const streams = values.map((of, at) => ({
        stream: { logbraid: run, service: `s${at}` },
        values: of,
      }));
      const answer = await fetch(`${base(url)}/loki/api/v1/push`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          ...authorization(given),
          ...(tenant !== undefined && { 'x-scope-orgid': tenant }),
        },
        body: JSON.stringify({ streams: streams.filter((stream) => stream.values.length > 0) }),
      });
      assert.equal(answer.status, 204, await answer.text());
    },
    secret: credentials.token ?? credentials.password ?? '',
    refuses: LOKI_REFUSES,
  };
}

/** A Graylog at this URL, with its GELF HTTP input at the other. */
export async function graylogSubject(
  url: string,
  gelfUrl: string,
  { mode, api }: Pick<GraylogOptions, 'mode' | 'api'>,
  limit: number,
  { username, password, token }: Credentials,
): Promise<Subject> {
  const server = await Front.start(url);
  const run = unique();
  const selector = `logbraid:${run}`;
  const user =
    token === undefined ? { username, password } : { username: token, password: 'token' };
  /** How many messages can be found. */
  const found = async () => {
    const query = new URLSearchParams({ query: selector, range: '3600', limit: '1' });
    const answer = await fetch(`${base(url)}/api/search/universal/relative?${query.toString()}`, {
      headers: { accept: 'application/json', ...authorization(user) },
    });
    assert.equal(answer.status, 200);
    return ((await answer.json()) as { total_results: number }).total_results;
  };
  let pushed = 0;
  return {
    server,
    selector,
    adapter: (options) =>
      new GraylogAdapter({
        ...COMMON,
        url: server.url,
        mode,
        api,
        limit,
        pollInterval: 20,
        ...(token === undefined ? { username, password } : { apiToken: token }),
        ...options,
      }),
    push: async (numbers) => {
      const then = Date.now() - 2000;
      for (const number of numbers) {
        const answer = await fetch(gelfUrl, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({
            version: '1.1',
            host: 'logbraid',
            short_message: `number ${number}`,
            // Three of each millisecond.
            timestamp: (then + Math.floor(number / 3)) / 1000,
            _logbraid: run,
          }),
        });
        assert.equal(answer.status, 202, await answer.text());
        pushed += 1;
      }
      while ((await found()) < pushed) await sleep(50);
    },
    secret: token ?? password ?? '',
    refuses: GRAYLOG_REFUSES,
  };
}

/** The time between two samples. */
const STEP_MS = 10;

/** Samples of one answer, as the adapter asks for them. */
export const PROMETHEUS_PAGE = 10_000;

/**
 * A Prometheus at this URL. It is asked for the time at each step, so that what it holds needs no pushing: the first
 * push says when the first number is, and each waits until the last has come.
 */
export async function prometheusSubject(
  url: string,
  mode: 'instant' | 'range' | 'poll',
): Promise<Subject> {
  const server = await Front.start(url);
  let first: number | undefined;
  let end = 0;
  return {
    server,
    get selector() {
      if (mode !== 'instant') return 'vector(time())';
      // As many steps as there are numbers, whichever end of a range counts.
      const range = end - (first ?? 0) * STEP_MS + STEP_MS / 2;
      return `vector(time())[${range}ms:${STEP_MS}ms]`;
    },
    adapter: (options) =>
      new PrometheusAdapter({
        ...COMMON,
        url: server.url,
        mode,
        step: STEP_MS,
        pollInterval: 20,
        username: 'nobody',
        password: 's3cr3t-password',
        ...options,
      }),
    push: async (numbers) => {
      const last = [...numbers].at(-1) ?? 0;
      first ??= Math.floor(Date.now() / STEP_MS) - last - 1;
      end = (first + last) * STEP_MS;
      await sleep(end - Date.now());
    },
    times: () => ({
      start: new Date((first ?? 0) * STEP_MS),
      ...(mode !== 'poll' && { end: new Date(end) }),
    }),
    numberOf: ({ timestamp }) => Date.parse(timestamp) / STEP_MS - (first ?? 0),
    secret: 's3cr3t-password',
    refuses: [
      {
        answer: {
          status: 400,
          body: '{"status":"error","errorType":"bad_data","error":"1:3: parse error"}',
        },
        code: 'PROMQL_QUERY_ERROR',
      },
      { answer: { status: 401, body: 'Unauthorized' }, code: 'AUTH_REQUIRED' },
      { answer: { status: 404, body: '404 page not found' }, code: 'ADAPTER_ERROR' },
    ],
  };
}

/** Without the slash at its end. */
function base(url: string): string {
  return url.replace(/\/$/, '');
}

function authorization({ username, password, token }: Credentials): Record<string, string> {
  if (token !== undefined) return { authorization: `Bearer ${token}` };
  if (username === undefined) return {};
  const pair = Buffer.from(`${username}:${password ?? ''}`).toString('base64');
  return { authorization: `Basic ${pair}` };
}
