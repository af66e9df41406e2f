// The proxies of the tests let through what they should, and count it.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { get, request } from 'node:http';
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import { suite, test } from 'node:test';

import { LokiServer } from './servers/loki-server.js';
import type { ProxyAuth } from './servers/proxy-server.js';
import { HttpProxyServer, SocksServer } from './servers/proxy-server.js';

const AUTH: ProxyAuth = { user: 'me', password: 'pw' };
const BASIC = { 'proxy-authorization': `Basic ${Buffer.from('me:pw').toString('base64')}` };

async function loki(t: TestContext): Promise<LokiServer> {
  const server = await LokiServer.start();
  t.after(() => server.close());
  return server;
}

async function proxied(t: TestContext, auth?: ProxyAuth): Promise<HttpProxyServer> {
  const proxy = await HttpProxyServer.start(auth);
  t.after(() => proxy.close());
  return proxy;
}

async function socks(t: TestContext, auth?: ProxyAuth): Promise<SocksServer> {
  const proxy = await SocksServer.start(auth);
  t.after(() => proxy.close());
  return proxy;
}

/** `/ready` of a server, over a connection that leads there. */
async function ready(socket: Socket): Promise<string> {
  socket.write('GET /ready HTTP/1.1\r\nHost: loki\r\nConnection: close\r\n\r\n');
  return (await text(socket)).split('\r\n\r\n')[1] ?? '';
}

/** What a proxy answers to `CONNECT`, with the connection. */
async function tunnel(
  { port }: HttpProxyServer,
  server: LokiServer,
  headers: Record<string, string> = {},
): Promise<[status: number | undefined, socket: Socket]> {
  const path = `127.0.0.1:${server.port}`;
  const asked = request({ host: '127.0.0.1', port, method: 'CONNECT', path, headers });
  asked.end();
  const [response, socket] = (await once(asked, 'connect')) as [{ statusCode?: number }, Socket];
  return [response.statusCode, socket];
}

/** A request with a whole URL. */
function through(proxy: HttpProxyServer, server: LokiServer, headers: Record<string, string> = {}) {
  const path = `${server.url}/ready`;
  return new Promise<[status: number | undefined, body: string]>((resolve, reject) => {
    get({ host: '127.0.0.1', port: proxy.port, path, headers, agent: false }, (response) => {
      text(response).then((body) => {
        resolve([response.statusCode, body]);
      }, reject);
    }).on('error', reject);
  });
}

void suite('the HTTP proxy', () => {
  test('opens tunnels and fetches URLs', async (t) => {
    const [server, proxy] = [await loki(t), await proxied(t)];
    const [status, socket] = await tunnel(proxy, server);
    assert.deepEqual([status, await ready(socket)], [200, 'ready\n']);
    assert.deepEqual(await through(proxy, server), [200, 'ready\n']);
    assert.equal(proxy.connections, 2);
    assert.equal(server.requests.length, 2);
  });

  test('asks for a name and a password', async (t) => {
    const [server, proxy] = [await loki(t), await proxied(t, AUTH)];
    const [refused, closed] = await tunnel(proxy, server);
    closed.destroy();
    assert.equal(refused, 407);
    assert.equal((await through(proxy, server))[0], 407);
    const wrong = { 'proxy-authorization': `Basic ${Buffer.from('me:no').toString('base64')}` };
    assert.equal((await through(proxy, server, wrong))[0], 407);
    assert.equal(server.requests.length, 0);
    const [status, socket] = await tunnel(proxy, server, BASIC);
    assert.deepEqual([status, await ready(socket)], [200, 'ready\n']);
    assert.deepEqual(await through(proxy, server, BASIC), [200, 'ready\n']);
  });
});

/** Says one thing after the other, each after the answer to the one before. */
async function converse(proxy: SocksServer, says: number[][]): Promise<[Socket, number[][]]> {
  const socket = connect(proxy.port, '127.0.0.1');
  const answers: number[][] = [];
  for (const bytes of says) {
    socket.write(Buffer.from(bytes));
    const [answer] = (await once(socket, 'data')) as [Buffer];
    answers.push([...answer]);
  }
  return [socket, answers];
}

const ascii = (value: string) => [...Buffer.from(value)];
const sized = (value: string) => [value.length, ...ascii(value)];
const bytesOf = (port: number) => [port >> 8, port & 255];

const HELLO = [5, 1, 0];
const HELLO_WITH_PASSWORD = [5, 2, 0, 2];
const LOCAL = [127, 0, 0, 1];
const OPEN_5 = [5, 0, 0, 1, 0, 0, 0, 0, 0, 0];
const OPEN_4 = [0, 90, 0, 0, 0, 0, 0, 0];
const to5 = ({ port }: LokiServer) => [5, 1, 0, 1, ...LOCAL, ...bytesOf(port)];
const to4 = ({ port }: LokiServer) => [4, 1, ...bytesOf(port), ...LOCAL, ...ascii('me'), 0];

void suite('the SOCKS proxy', () => {
  test('version 5, with an address', async (t) => {
    const [server, proxy] = [await loki(t), await socks(t)];
    const [socket, answers] = await converse(proxy, [HELLO, to5(server)]);
    assert.deepEqual(answers, [[5, 0], OPEN_5]);
    assert.equal(await ready(socket), 'ready\n');
    assert.equal(proxy.connections, 1);
    assert.deepEqual(proxy.destinations, [`127.0.0.1:${server.port}`]);
  });

  test('version 5, with a name', async (t) => {
    const [server, proxy] = [await loki(t), await socks(t)];
    const named = [5, 1, 0, 3, ...sized('localhost'), ...bytesOf(server.port)];
    const [socket] = await converse(proxy, [HELLO, named]);
    assert.equal(await ready(socket), 'ready\n');
    assert.deepEqual(proxy.destinations, [`localhost:${server.port}`]);
  });

  test('version 5, with a password', async (t) => {
    const [server, proxy] = [await loki(t), await socks(t, AUTH)];
    const password = (value: string) => [1, ...sized('me'), ...sized(value)];
    const says = [HELLO_WITH_PASSWORD, password('pw'), to5(server)];
    const [socket, answers] = await converse(proxy, says);
    assert.deepEqual(answers, [[5, 2], [1, 0], OPEN_5]);
    assert.equal(await ready(socket), 'ready\n');
    const [, wrong] = await converse(proxy, [HELLO_WITH_PASSWORD, password('no')]);
    assert.deepEqual(wrong, [
      [5, 2],
      [1, 1],
    ]);
    const [, none] = await converse(proxy, [HELLO]);
    assert.deepEqual(none, [[5, 255]]);
    assert.equal(proxy.connections, 1);
  });

  test('version 4, with an address or a name', async (t) => {
    const [server, proxy] = [await loki(t), await socks(t)];
    const [socket, answers] = await converse(proxy, [to4(server)]);
    assert.deepEqual(answers, [OPEN_4]);
    assert.equal(await ready(socket), 'ready\n');
    const named = [4, 1, ...bytesOf(server.port), 0, 0, 0, 1, 0, ...ascii('localhost'), 0];
    const [other] = await converse(proxy, [named]);
    assert.equal(await ready(other), 'ready\n');
    assert.deepEqual(proxy.destinations, [`127.0.0.1:${server.port}`, `localhost:${server.port}`]);
  });

  test('version 4 has no password to give', async (t) => {
    const [server, proxy] = [await loki(t), await socks(t, AUTH)];
    const [, answers] = await converse(proxy, [to4(server)]);
    assert.equal(answers[0]?.[1], 91);
    assert.equal(proxy.connections, 0);
  });

  test('says where nobody listens', async (t) => {
    const [server, proxy] = [await loki(t), await socks(t)];
    await server.stop();
    const [, answers] = await converse(proxy, [HELLO, to5(server)]);
    assert.equal(answers[1]?.[1], 5);
    assert.equal(proxy.connections, 0);
  });
});
