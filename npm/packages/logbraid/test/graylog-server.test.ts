// The Graylog of the tests answers as the source of the real one has it.
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { suite, test } from 'node:test';

import type { GraylogOptions } from './servers/graylog-server.js';
import { GraylogServer } from './servers/graylog-server.js';

const T0 = Date.parse('2026-11-20T20:38:23.000Z');
const iso = (ms: number) => new Date(ms).toISOString();
const basic = (pair: string) => `Basic ${Buffer.from(pair).toString('base64')}`;

const JSON_HEADERS = {
  accept: 'application/json',
  authorization: basic('admin:secret'),
  'content-type': 'application/json',
  'x-requested-by': 'logbraid',
};
const CSV_HEADERS = { ...JSON_HEADERS, accept: 'text/csv' };

const ABSOLUTE = '/api/search/universal/absolute';
const RELATIVE = '/api/search/universal/relative';
const VIEWS = '/api/views/search/messages';
const SCRIPTING = '/api/search/messages';

const RANGE = { type: 'absolute', from: iso(T0), to: iso(T0 + 10_000) };

async function graylog(t: TestContext, options: GraylogOptions = {}): Promise<GraylogServer> {
  const server = await GraylogServer.start(options);
  t.after(() => server.close());
  server.push(
    { timestamp: T0, message: 'started request_id=r1', source: 'web', status: 200 },
    { timestamp: T0 + 1000, message: 'failed, see\n"trace"', source: 'api', request_id: 'r1' },
    { timestamp: T0 + 1000, message: 'failed again', source: 'api', streams: ['s2'] },
  );
  return server;
}

type Headers = Record<string, string>;

function get(server: GraylogServer, path: string, parameters: Headers = {}, headers?: Headers) {
  const query = new URLSearchParams(parameters).toString();
  return fetch(`${server.url}${path}?${query}`, { headers: headers ?? JSON_HEADERS });
}

function post(server: GraylogServer, path: string, body: unknown, headers: Headers = JSON_HEADERS) {
  return fetch(server.url + path, { method: 'POST', body: JSON.stringify(body), headers });
}

interface Found {
  messages: { message: Record<string, unknown> }[];
  total_results: number;
}

async function found(server: GraylogServer, parameters: Headers = {}): Promise<unknown[]> {
  const times = { from: RANGE.from, to: RANGE.to };
  const query = { query: '*', ...times, sort: 'timestamp:asc', ...parameters };
  const response = await get(server, ABSOLUTE, query);
  assert.equal(response.status, 200, await response.clone().text());
  const { messages } = (await response.json()) as Found;
  return messages.map(({ message }) => message['message']);
}

interface Table {
  schema: { field: string; type: string; column_type: string; name: string }[];
  datarows: unknown[][];
  metadata: unknown;
}

async function table(server: GraylogServer, body: unknown): Promise<Table> {
  const response = await post(server, SCRIPTING, body);
  assert.equal(response.status, 200, await response.clone().text());
  return (await response.json()) as Table;
}

async function error(response: Response): Promise<[status: number, body: unknown]> {
  return [response.status, await response.json()];
}

const FAILED = 'failed, see\n"trace"';

void suite('Graylog lets in', () => {
  const options = { tokens: ['tok'], sessions: ['ses'] };
  const statusOf = async (server: GraylogServer, authorization: string) =>
    (await get(server, '/api/system', {}, { ...JSON_HEADERS, authorization })).status;

  test('a user, a token, a session, and never a bearer', async (t) => {
    const server = await graylog(t, options);
    for (const pair of ['admin:secret', 'tok:token', 'ses:session']) {
      assert.equal(await statusOf(server, basic(pair)), 200, pair);
    }
    for (const header of [basic('admin:wrong'), basic('tok:session'), 'Bearer tok', '']) {
      assert.equal(await statusOf(server, header), 401, header);
    }
    const refused = await get(server, '/api/system', {}, { accept: 'application/json' });
    assert.equal(refused.headers.get('www-authenticate'), 'Basic realm="Graylog Server"');
    const unauthorized = { type: 'ApiError', message: 'HTTP 401 Unauthorized' };
    assert.deepEqual(await refused.json(), unauthorized);
  });

  test('nothing but a GET without X-Requested-By', async (t) => {
    const server = await graylog(t);
    const { accept, authorization } = JSON_HEADERS;
    const headers = { accept, authorization, 'content-type': 'application/json' };
    const [status, body] = await error(await post(server, SCRIPTING, {}, headers));
    assert.equal(status, 400);
    assert.deepEqual(Object.keys(body as object), ['type', 'message']);
  });

  test('who asks for its version, without a name', async (t) => {
    const server = await graylog(t, { version: '5.2.3' });
    const response = await get(server, '/api/', {}, { accept: 'application/json' });
    const { version } = (await response.json()) as { version: string };
    assert.match(version, /^5\.2\.3\+/);
    const browser = await fetch(`${server.url}/api/`, { redirect: 'manual' });
    assert.equal(browser.status, 307);
  });
});

void suite('Graylog by version', () => {
  const cases: [version: string, views: number, scripting: number][] = [
    ['2.5.1', 404, 404],
    ['3.2.6', 404, 404],
    ['3.3.0', 200, 404],
    ['4.3.9', 200, 404],
    ['5.0.0', 200, 200],
    ['7.1.2', 200, 200],
  ];
  for (const [version, views, scripting] of cases) {
    test(version, async (t) => {
      const server = await graylog(t, { version });
      assert.equal((await found(server)).length, 3);
      assert.equal((await post(server, VIEWS, {}, CSV_HEADERS)).status, views);
      assert.equal((await post(server, SCRIPTING, {})).status, scripting);
    });
  }

  test('4.3 to 5.0.2 forget the offset', async (t) => {
    const second = { limit: '1', offset: '1' };
    for (const [version, message] of [
      ['4.2.6', FAILED],
      ['4.3.9', 'started request_id=r1'],
      ['5.0.2', 'started request_id=r1'],
      ['5.0.3', FAILED],
    ] as const) {
      assert.deepEqual(await found(await graylog(t, { version }), second), [message], version);
    }
  });

  test('the end is part of the range before 6', async (t) => {
    for (const [version, count] of [
      ['5.2.0', 3],
      ['6.0.0', 1],
    ] as const) {
      const server = await graylog(t, { version });
      assert.equal((await found(server, { to: iso(T0 + 1000) })).length, count, version);
    }
  });
});

void suite('Graylog searches, the old way', () => {
  test('messages with all their fields, the newest first', async (t) => {
    const server = await graylog(t);
    const response = await get(server, ABSOLUTE, { query: '*', from: RANGE.from, to: RANGE.to });
    const { messages, total_results } = (await response.json()) as Found;
    assert.equal(total_results, 3);
    const [id] = [messages.at(-1)?.message['_id']];
    assert.deepEqual(messages.at(-1)?.message, {
      _id: id,
      gl2_message_id: id,
      timestamp: '2026-11-20T20:38:23.000Z',
      source: 'web',
      message: 'started request_id=r1',
      status: 200,
      streams: ['000000000000000000000001'],
    });
  });

  test('queries', async (t) => {
    const server = await graylog(t);
    const of = async (query: string) => (await found(server, { query })).length;
    assert.equal(await of('failed'), 2);
    assert.equal(await of('fail'), 0);
    assert.equal(await of('ailed'), 0);
    assert.equal(await of('fail*'), 2);
    assert.equal(await of('source:web OR again'), 2);
    assert.equal(await of('source:web again'), 2);
    assert.equal(await of('source:api AND NOT again'), 1);
    assert.equal(await of('message:"failed again"'), 1);
    assert.equal(await of('_exists_:request_id'), 1);
    assert.equal(await of('request_id:r1'), 1);
  });

  test('limit, offset, fields, streams, and the last seconds', async (t) => {
    const server = await graylog(t);
    assert.deepEqual(await found(server, { limit: '1', offset: '2' }), ['failed again']);
    assert.deepEqual(await found(server, { filter: 'streams:s2' }), ['failed again']);
    const query = { query: 'source:web', from: '2026-11-20 20:38:23', to: '2026-11-20 20:38:24.5' };
    const response = await get(server, ABSOLUTE, { ...query, fields: 'message' });
    const { messages } = (await response.json()) as Found;
    assert.deepEqual(Object.keys(messages[0]?.message ?? {}), ['_id', 'timestamp', 'message']);

    server.push({ timestamp: Date.now() - 1000, message: 'just now' });
    const last = await get(server, RELATIVE, { query: '*', range: '60' });
    const recent = (await last.json()) as Found;
    assert.deepEqual(
      recent.messages.map(({ message }) => message['message']),
      ['just now'],
    );
  });

  test('who accepts anything gets CSV, or is told that it needs fields', async (t) => {
    const server = await graylog(t);
    const headers = { ...JSON_HEADERS, accept: '*/*' };
    const query = { query: 'source:web', from: RANGE.from, to: RANGE.to };
    assert.deepEqual(await error(await get(server, ABSOLUTE, query, headers)), [
      400,
      { type: 'ApiError', message: 'Missing required parameter `fields`' },
    ]);
    const csv = await get(server, ABSOLUTE, { ...query, fields: 'source' }, headers);
    assert.equal(await csv.text(), '"timestamp","source"\n"2026-11-20T20:38:23.000Z","web"\n');
  });

  test('bad queries and times', async (t) => {
    const server = await graylog(t);
    const times = { from: RANGE.from, to: RANGE.to };
    const [status, body] = await error(await get(server, ABSOLUTE, { query: 'a:"b', ...times }));
    assert.equal(status, 400);
    assert.equal((body as { type: string }).type, 'ApiError');
    assert.deepEqual(
      await error(await get(server, ABSOLUTE, { query: '*', from: 'yesterday', to: times.to })),
      [400, { type: 'ApiError', message: 'Invalid timerange parameters provided' }],
    );
  });

  test('not beyond the result window', async (t) => {
    for (const [version, wanted, type] of [
      ['2.5.1', 400, undefined],
      ['4.2.0', 500, 'ApiError'],
      ['7.1.0', 400, 'ApiError'],
    ] as const) {
      const server = await graylog(t, { version });
      const times = { from: RANGE.from, to: RANGE.to };
      const query = { query: '*', ...times, limit: '100' };
      assert.equal((await get(server, ABSOLUTE, { ...query, offset: '9900' })).status, 200);
      const beyond = await error(await get(server, ABSOLUTE, { ...query, offset: '9901' }));
      const [status, body] = beyond;
      assert.deepEqual([status, (body as { type?: string }).type], [wanted, type], version);
    }
  });
});

void suite('Graylog exports', () => {
  const fields_in_order = ['timestamp', 'message', 'request_id'];

  test('CSV with newlines and quotes in its fields', async (t) => {
    const server = await graylog(t);
    const query_string = { type: 'elasticsearch', query_string: 'source:api' };
    const body = { timerange: RANGE, query_string, fields_in_order };
    const response = await post(server, VIEWS, body, CSV_HEADERS);
    assert.equal(response.headers.get('content-type'), 'text/csv');
    assert.equal(
      await response.text(),
      '"timestamp","message","request_id"\n' +
        '"2026-11-20T20:38:24.000Z","failed, see\n""trace""","r1"\n' +
        '"2026-11-20T20:38:24.000Z","failed again",\n',
    );
  });

  test('whole chunks, so more than the limit, and no head without a message', async (t) => {
    const server = await graylog(t);
    const lines = async (body: object) => {
      const ask = { timerange: RANGE, fields_in_order: ['source'], ...body };
      return (await (await post(server, VIEWS, ask, CSV_HEADERS)).text()).split('\n').slice(0, -1);
    };
    assert.equal((await lines({ limit: 1, chunk_size: 2 })).length, 3);
    assert.equal((await lines({ limit: 1, chunk_size: 1 })).length, 2);
    assert.deepEqual(await lines({ streams: ['none'] }), []);
  });

  test('only as CSV', async (t) => {
    const server = await graylog(t);
    const [status, body] = await error(await post(server, VIEWS, {}));
    assert.deepEqual([status, (body as { type: string }).type], [406, 'ApiError']);
  });
});

void suite('Graylog searches, for scripts', () => {
  test('rows of the fields asked for, and a dash for what is missing', async (t) => {
    const server = await graylog(t);
    const fields = ['timestamp', 'message', 'request_id', 'streams'];
    const body = { timerange: RANGE, query: 'failed', fields, sort_order: 'asc' };
    assert.deepEqual(await table(server, body), {
      schema: fields.map((field) => ({
        column_type: 'field',
        type: 'string',
        field,
        name: `field: ${field}`,
      })),
      datarows: [
        ['2026-11-20T20:38:24.000Z', FAILED, 'r1', ['000000000000000000000001']],
        ['2026-11-20T20:38:24.000Z', 'failed again', '-', ['s2']],
      ],
      metadata: { effective_timerange: { from: RANGE.from, to: RANGE.to, type: 'absolute' } },
    });
  });

  test('ten by default, from where it is told, in order', async (t) => {
    const server = await graylog(t);
    const more = Array.from({ length: 20 }, (_, k) => ({
      timestamp: T0 + k,
      message: `m${k}`,
      n: k,
    }));
    server.push(...more);
    const numbers = async (body: object) => {
      const ask = { timerange: RANGE, query: '_exists_:n', fields: ['n'], ...body };
      return (await table(server, ask)).datarows.map(([n]) => n);
    };
    assert.deepEqual(await numbers({}), [19, 18, 17, 16, 15, 14, 13, 12, 11, 10]);
    assert.deepEqual(await numbers({ from: 18, size: 5, sort: 'n', sort_order: 'asc' }), [18, 19]);
    assert.deepEqual(await numbers({ streams: ['s2'] }), []);
    const { schema } = await table(server, {
      timerange: RANGE,
      fields: ['n'],
      query: '_exists_:n',
    });
    assert.equal(schema[0]?.type, 'numeric');
  });

  test('not beyond the result window', async (t) => {
    const server = await graylog(t);
    assert.equal((await post(server, SCRIPTING, { from: 9990, size: 10 })).status, 200);
    const [status, body] = await error(await post(server, SCRIPTING, { from: 9991, size: 10 }));
    assert.deepEqual([status, (body as { type: string }).type], [400, 'ApiError']);
  });
});

test('Graylog misbehaves like the others', async (t) => {
  const server = await graylog(t);
  server.answer(1, { status: 503, headers: { 'content-type': 'text/html' }, body: '<html>' });
  assert.equal((await get(server, '/api/system')).status, 503);
  assert.equal((await get(server, '/api/system')).status, 200);
  assert.deepEqual(
    server.requests.map(({ path, headers }) => [path, headers.accept]),
    [
      ['/api/system', 'application/json'],
      ['/api/system', 'application/json'],
    ],
  );
});
