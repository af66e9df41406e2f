// How adapters reach a server: through proxies, with certificates of their own, with connections that are kept, and
// with nothing left in the end.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import { gzipSync } from 'node:zlib';

import type { CorrelationError } from 'logbraid';

import { range } from './reading.js';
import { PAGE, Scene } from './loki-scene.js';
import { HttpProxyServer, SocksServer } from './servers/proxy-server.js';

const AUTH = { user: 'me', password: 's3cr3t-password' };
const USER = 'me:s3cr3t-password@';

const PROXIES: [kind: string, user: string, start: typeof startHttp | typeof startSocks][] = [
  ['http', '', startHttp],
  ['http', USER, startHttp],
  ['socks4', '', startSocks],
  ['socks5', '', startSocks],
  ['socks5', USER, startSocks],
];

function startHttp(auth?: typeof AUTH) {
  return HttpProxyServer.start(auth);
}

function startSocks(auth?: typeof AUTH) {
  return SocksServer.start(auth);
}

for (const [kind, user, start] of PROXIES) {
  test(`history and tail go through a proxy: ${kind}${user && ' with a password'}`, async (t) => {
    const scene = await Scene.begin(t);
    const server = await start(user ? AUTH : undefined);
    t.after(() => server.close());
    const proxy = `${kind}://${user}127.0.0.1:${server.port}`;
    scene.push(range(0, 5));
    const history = scene.adapter({ proxy, mode: 'history' });
    const first = scene.read(history);
    await first.done;
    assert.equal(first.error, undefined);
    const asked = server.connections;
    assert.ok(asked > 0, 'the proxy was asked');
    const adapter = scene.adapter({ proxy });
    const reading = scene.read(adapter);
    await reading.until(5);
    await Scene.live(adapter);
    assert.ok(server.connections >= asked + 2, 'for the tail, too');
    scene.push(range(5, 10));
    await reading.until(10);
    assert.deepEqual(reading.sorted, range(0, 10));
    assert.deepEqual(reading.notices, []);
  });
}

test('a proxy that is not reached, or refuses, is told without its password', async (t) => {
  const scene = await Scene.begin(t);
  const server = await HttpProxyServer.start({ user: 'another', password: 'another-password' });
  t.after(() => server.close());
  for (const proxy of [`http://${USER}127.0.0.1:${server.port}`, `socks5://${USER}127.0.0.1:1`]) {
    const reading = scene.read(scene.adapter({ proxy, maxRetries: 1 }));
    await reading.done;
    assert.ok(reading.error);
    assert.doesNotMatch(inspect([reading.error, reading.notices], { depth: 20 }), /s3cr3t/);
  }
});

/** A server with TLS in front of another, with a certificate of its own. */
async function withTls(t: TestContext, port: number): Promise<{ url: string; ca: string }> {
  const folder = mkdtempSync(path.join(tmpdir(), 'logbraid-'));
  t.after(() => {
    rmSync(folder, { recursive: true });
  });
  const [keyFile, certFile] = [path.join(folder, 'key.pem'), path.join(folder, 'cert.pem')];
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
  const made = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-x509'];
  const files = ['-keyout', keyFile, '-out', certFile];
  execFileSync('openssl', ['req', ...made, ...subject, ...files], { stdio: 'pipe' });
  const [key, ca] = [readFileSync(keyFile, 'utf8'), readFileSync(certFile, 'utf8')];
  // What has been decrypted goes on as it is, WebSockets included.
  const server = createServer({ key, cert: ca });
  server.removeAllListeners('secureConnection');
  server.on('secureConnection', (socket) => {
    const target = connect(port, '127.0.0.1');
    for (const end of [socket, target]) end.on('error', () => undefined);
    socket.pipe(target).pipe(socket);
    socket.on('close', () => target.destroy());
    target.on('close', () => socket.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
  });
  return { url: `https://localhost:${(server.address() as AddressInfo).port}`, ca };
}

test('a certificate that is given is trusted, in history and tail, and no other is', async (t) => {
  const scene = await Scene.begin(t);
  const { url, ca } = await withTls(t, scene.server.port);
  scene.push(range(0, 3));
  const adapter = scene.adapter({ url, ca });
  const reading = scene.read(adapter);
  await reading.until(3);
  await Scene.live(adapter);
  scene.push([3]);
  await reading.until(4);
  assert.deepEqual(reading.notices, []);
  const refused = scene.read(scene.adapter({ url, maxRetries: 0 }));
  await refused.done;
  assert.match((refused.error as CorrelationError).message, /^GET https:.*self-signed certificate/);
});

test('answers may be compressed', async (t) => {
  const scene = await Scene.begin(t);
  const values = [[String(BigInt(Date.now()) * 1_000_000n), 'number 0']];
  const result = [{ stream: { app: 'a' }, values }];
  const zipped = gzipSync(
    JSON.stringify({ status: 'success', data: { resultType: 'streams', result } }),
  );
  // The servers of the tests write text; this one writes what it is given.
  const { createServer: serve } = await import('node:http');
  const server = serve((_request, response) => {
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(zipped);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const reading = scene.read(scene.adapter({ url, mode: 'history' }));
  await reading.done;
  assert.deepEqual(reading.numbers, [0]);
});

test('a connection is kept for many requests, and none is in the end', async (t) => {
  const scene = await Scene.begin(t);
  const { server } = scene;
  const before = process.getActiveResourcesInfo().filter((kind) => kind === 'TCPSocketWrap').length;
  scene.push(range(0, PAGE * 20));
  const adapter = scene.adapter({ mode: 'history' });
  const used = new Set<unknown>();
  const reading = scene.read(adapter, { pausesAt: 1 });
  await reading.until(1);
  for (const socket of server.sockets) used.add(socket);
  reading.goOn();
  await reading.done;
  for (const socket of server.sockets) used.add(socket);
  assert.ok(server.requests.length > 20);
  // Another may be opened where the end of an answer has not been taken yet.
  assert.ok(used.size <= 2, `${used.size} connections`);
  const tailing = scene.adapter();
  const tail = scene.read(tailing);
  await tail.until(PAGE * 20);
  await Scene.live(tailing);
  await adapter.destroy();
  await tailing.destroy();
  await tail.done;
  while (server.sockets.size > 0) await sleep(1);
  const open = () =>
    process.getActiveResourcesInfo().filter((kind) => kind === 'TCPSocketWrap').length;
  while (open() > before) await sleep(1);
});
