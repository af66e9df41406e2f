// The servers of the tests misbehave as told, and only then.
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { LokiServer, QUERY_RANGE, TAIL } from './servers/loki-server.js';
import { refusal, search, tailing, TailClient } from './servers/tail-client.js';

const T0 = 1795207103075549564n;
const QUERY = `${QUERY_RANGE}?${search({ query: '{a="b"}', start: T0, end: T0 + 1000n })}`;

/** With one entry. */
async function loki(t: TestContext): Promise<LokiServer> {
  const server = await LokiServer.start();
  t.after(() => server.close());
  server.push({ a: 'b' }, [[T0, 'stored']]);
  return server;
}

async function status(server: LokiServer, path = QUERY): Promise<number> {
  return (await fetch(server.url + path)).status;
}

void suite('restart', () => {
  test('cuts every connection and keeps the port and what is stored', async (t) => {
    const server = await loki(t);
    const { url } = server;
    const client = await tailing(server);
    const back = server.restart({ downMs: 500 });
    assert.deepEqual(await client.closed, [1006, '']);
    await assert.rejects(status(server), { name: 'TypeError' });
    server.push({ a: 'b' }, [[T0 + 1n, 'while it was down']]);
    await back;
    assert.equal(server.url, url);
    const body = await (await fetch(server.url + QUERY)).text();
    assert.match(body, /"stored".*"while it was down"|"while it was down".*"stored"/);
  });

  test('behind a proxy it answers 503 and refuses tails', async (t) => {
    const server = await loki(t);
    const client = await tailing(server);
    const back = server.restart({ downMs: 500, refuse: 503 });
    assert.equal((await client.closed)[0], 1006);
    assert.equal(await status(server), 503);
    assert.equal((await refusal(server, { query: '{a="b"}' }))[0], 503);
    await back;
    assert.equal(await status(server), 200);
  });

  test('close ends it while it is down', async (t) => {
    const server = await loki(t);
    const back = server.restart({ downMs: 60_000 });
    await server.close();
    await back;
    await assert.rejects(status(server), { name: 'TypeError' });
  });

  test('stop lasts until listen', async (t) => {
    const server = await loki(t);
    const { port } = server;
    await server.stop();
    await assert.rejects(status(server), { name: 'TypeError' });
    await server.listen();
    assert.equal(server.port, port);
    assert.equal(await status(server), 200);
  });
});

void suite('answers', () => {
  test('as told, to so many requests of a path', async (t) => {
    const server = await loki(t);
    const headers = { 'Retry-After': '1' };
    server.answer(2, { status: 429, headers, body: 'slow down' }, QUERY_RANGE);
    server.answer(1, { status: 400, body: 'no tail' }, TAIL);
    assert.equal(await status(server, '/ready'), 200);
    const response = await fetch(server.url + QUERY);
    assert.deepEqual(
      [response.status, response.headers.get('retry-after'), await response.text()],
      [429, '1', 'slow down'],
    );
    assert.deepEqual([await status(server), await status(server)], [429, 200]);
    assert.deepEqual(await refusal(server, { query: '{a="b"}' }), [400, 'no tail']);
    await tailing(server);
  });

  test('one after the other, until it is told to behave', async (t) => {
    const server = await loki(t);
    server.answer(1, { status: 500 });
    server.answer(1, { status: 200, headers: { 'content-type': 'text/html' }, body: '<html>' });
    server.answer(5, { status: 503 });
    assert.equal(await status(server), 500);
    assert.equal(await (await fetch(server.url + QUERY)).text(), '<html>');
    assert.equal(await status(server), 503);
    server.behave();
    assert.equal(await status(server), 200);
  });

  test('late, or never', async (t) => {
    const server = await loki(t);
    server.stall(1, 50);
    const order: string[] = [];
    const late = status(server).then((code) => order.push(`late ${code}`));
    while (server.requests.length < 1) await sleep(1);
    order.push(`soon ${await status(server)}`);
    await late;
    assert.deepEqual(order, ['soon 200', 'late 200']);

    server.stall(1, Infinity);
    const patience = new AbortController();
    const never = fetch(server.url + QUERY, { signal: patience.signal });
    while (server.requests.length < 3) await sleep(1);
    assert.equal(await status(server), 200);
    patience.abort();
    await assert.rejects(never, { name: 'AbortError' });
  });

  test('piece by piece', async (t) => {
    const server = await loki(t);
    const whole = await (await fetch(server.url + QUERY)).text();
    server.drip(1, { bytes: 50, everyMs: 1 });
    const { body } = await fetch(server.url + QUERY);
    assert.ok(body);
    const pieces: Uint8Array[] = [];
    for await (const piece of body as AsyncIterable<Uint8Array>) pieces.push(piece);
    assert.ok(pieces.length > 1, `${pieces.length} pieces`);
    assert.equal(Buffer.concat(pieces).toString(), whole);
  });

  test('spoiled', async (t) => {
    const server = await loki(t);
    const text = async () => (await fetch(server.url + QUERY)).text();
    const whole = await text();
    const half = whole.slice(0, whole.length >> 1);
    server.spoil(1, 'inside-text');
    assert.equal(await text(), half);
    server.spoil(1, 'missing-bytes');
    await assert.rejects(text(), { name: 'TypeError', message: 'terminated' });
    server.spoil(1, 'reset');
    await assert.rejects(text(), { name: 'TypeError' });
    server.spoil(1, 'extra-bytes');
    assert.equal(await text(), half);
    assert.equal(await text(), whole);
  });
});

void suite('tails', () => {
  test('open late', async (t) => {
    const server = await loki(t);
    server.stall(1, 20, TAIL);
    const late = await tailing(server);
    server.push({ a: 'b' }, [[T0 + 1n, 'next']]);
    await late.received(1);
    assert.deepEqual(late.lines, ['next']);
  });

  test('end without a close frame', async (t) => {
    const server = await loki(t);
    const client = await tailing(server);
    server.tail.cut();
    assert.deepEqual(await client.closed, [1006, '']);
    assert.equal(client.error, undefined);
  });

  test('end amid a frame', async (t) => {
    const server = await loki(t);
    const client = await tailing(server);
    server.tail.cutMidFrame();
    assert.deepEqual(await client.closed, [1006, '']);
    assert.deepEqual(client.texts, []);
  });

  test('send what is no frame', async (t) => {
    const server = await loki(t);
    const client = await tailing(server);
    server.tail.sendGarbage();
    await client.closed;
    assert.match(String(client.error), /Invalid WebSocket frame/);
  });

  test('send a frame that is no JSON, and go on', async (t) => {
    const server = await loki(t);
    const client = await tailing(server);
    server.tail.sendText('{"streams":[{');
    server.push({ a: 'b' }, [[T0 + 1n, 'next']]);
    await client.received(2);
    assert.equal(client.texts[0], '{"streams":[{');
    assert.match(client.texts[1] ?? '', /"next"/);
  });

  test('say why they end', async (t) => {
    const server = await loki(t);
    const client = await tailing(server);
    server.tail.close(1011, 'reached tail max duration limit');
    assert.deepEqual(await client.closed, [1011, 'reached tail max duration limit']);
  });

  test('are refused after they were opened, so many', async (t) => {
    const server = await loki(t);
    server.refuseTails(1);
    const [code, reason] = await new TailClient(server, { query: '{a="b"}' }).closed;
    assert.equal(code, 1011);
    assert.match(reason, /max concurrent tail requests limit exceeded/);
    await tailing(server);
  });

  test('send frames in another order', async (t) => {
    const server = await loki(t);
    const client = await tailing(server);
    server.tail.reorder(2);
    for (const k of [1n, 2n, 3n]) server.push({ a: 'b' }, [[T0 + k, `line ${k}`]]);
    await client.received(3);
    assert.deepEqual(client.lines, ['line 2', 'line 1', 'line 3']);
  });

  test('drop entries and say so with the next frame', async (t) => {
    const server = await loki(t);
    const client = await tailing(server);
    server.tail.dropEntries(1);
    server.push({ a: 'b' }, [[T0 + 1n, 'dropped']]);
    server.push({ a: 'b' }, [[T0 + 2n, 'next']]);
    server.push({ a: 'b' }, [[T0 + 3n, 'last']]);
    await client.received(2);
    assert.deepEqual(client.lines, ['next', 'last']);
    const labels = { a: 'b', service_name: 'unknown_service' };
    assert.deepEqual(
      client.frames.map((frame) => frame.dropped_entries),
      [[{ timestamp: String(T0 + 1n), labels }], undefined],
    );
  });

  test('lose entries and never say so', async (t) => {
    const server = await loki(t);
    const client = await tailing(server);
    server.tail.loseSilently(2);
    server.push({ a: 'b' }, [
      [T0 + 1n, 'one'],
      [T0 + 2n, 'two'],
      [T0 + 3n, 'three'],
    ]);
    await client.received(1);
    assert.deepEqual(client.lines, ['three']);
    assert.deepEqual(Object.keys(client.frames[0] ?? {}), ['streams']);
    // Only the tail has lost them.
    assert.match(await (await fetch(server.url + QUERY)).text(), /"one".*"two"|"two".*"one"/);
  });

  test('send frames piece by piece, of any length', async (t) => {
    const server = await loki(t);
    const client = await tailing(server);
    server.tail.drip({ bytes: 20_000, everyMs: 1 });
    const texts = ['short', 'x'.repeat(200), 'x'.repeat(70_000)];
    for (const [k, line] of texts.entries()) server.push({ a: 'b' }, [[T0 + BigInt(k + 1), line]]);
    await client.received(3);
    assert.deepEqual(client.lines, texts);
  });
});

void suite('books', () => {
  test('requests are kept with path, parameters and headers', async (t) => {
    const server = await loki(t);
    await fetch(server.url + QUERY, { headers: { 'X-Scope-OrgID': 't1' } });
    await tailing(server);
    const [range, tail] = server.requests;
    assert.deepEqual([range?.method, range?.path], ['GET', QUERY_RANGE]);
    assert.equal(range?.query.get('start'), String(T0));
    assert.equal(range.headers['x-scope-orgid'], 't1');
    assert.deepEqual([tail?.path, tail?.query.get('query')], [TAIL, '{a="b"}']);
  });

  test('sockets are known while they are open, and none is left by close', async (t) => {
    const server = await loki(t);
    const client = await tailing(server);
    assert.equal(server.sockets.size, 1);
    client.ws.terminate();
    const [socket] = server.sockets;
    assert.ok(socket);
    await new Promise((resolve) => socket.once('close', resolve));
    assert.deepEqual([server.sockets.size, server.tails.size], [0, 0]);

    server.stall(1, Infinity);
    const stalled = assert.rejects(status(server), { name: 'TypeError' });
    while (server.requests.length < 2) await sleep(1);
    await server.close();
    await stalled;
    assert.equal(server.sockets.size, 0);
  });
});
