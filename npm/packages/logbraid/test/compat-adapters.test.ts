// The adapters with the options of log-correlator.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';

import {
  CorrelationEngine,
  CorrelationError,
  GraylogAdapter,
  LokiAdapter,
  PromQLAdapter,
} from 'logbraid/compat';

import { Front } from './servers/front.js';
import { GraylogServer } from './servers/graylog-server.js';
import { LokiServer } from './servers/loki-server.js';
import { PrometheusServer } from './servers/prometheus-server.js';
import { SocksServer } from './servers/proxy-server.js';

void test('Loki: options of log-correlator, over a SOCKS proxy', async () => {
  await using server = await LokiServer.start({ auth: { token: 'token-of-loki' } });
  const socks = await SocksServer.start({ user: 'me', password: '100%25' });
  try {
    const now = BigInt(Date.now()) * 1_000_000n;
    server.push({ service: 'frontend' }, [[now, 'request_id=r1']]);
    server.push({ service: 'backend' }, [[now + 1n, 'request_id=r1']]);
    const engine = new CorrelationEngine();
    for (const websocket of [true, false]) {
      const adapter = new LokiAdapter({
        url: server.url,
        websocket,
        pollInterval: 10,
        authToken: 'token-of-loki',
        proxy: { host: '127.0.0.1', port: socks.port, username: 'me', password: '100%25' },
      });
      const name = websocket ? 'loki' : 'polled';
      engine.addAdapter(name, adapter);
      const query = `${name}({service="frontend"})[5m] and on(request_id) ${name}({service="backend"})[5m]`;
      for await (const { joinValue } of engine.correlate(query)) {
        assert.equal(joinValue, 'r1');
        break;
      }
      assert.deepEqual(await adapter.getAvailableStreams(), ['service', 'service_name']);
    }
    assert.ok(socks.connections > 0);
    await engine.destroy();
    const refused = new LokiAdapter({ url: server.url, maxRetries: 0 });
    assert.deepEqual(await refused.getAvailableStreams(), [], 'none where it fails');
    await refused.destroy();
  } finally {
    await socks.close();
  }
});

void test('Graylog: options of log-correlator', async () => {
  await using server = await GraylogServer.start({ tokens: ['token-of-graylog'] });
  const now = Date.now();
  server.push(
    { timestamp: now - 2000, message: 'request_id=r1', source: 'edge', streams: ['one'] },
    { timestamp: now - 1000, message: 'request_id=r1', source: 'app', streams: ['one'] },
    { timestamp: now - 1000, message: 'request_id=r2', source: 'app', streams: ['two'] },
  );
  for (const apiVersion of ['legacy', 'v6'] as const) {
    const engine = new CorrelationEngine();
    const { url } = server;
    const adapter = new GraylogAdapter({
      url,
      apiToken: 'token-of-graylog',
      apiVersion,
      streamId: 'one',
    });
    engine.addAdapter('graylog', adapter);
    const query = 'graylog(source:edge)[5m] or on(request_id) graylog(source:app)[5m]';
    for await (const { joinValue, metadata } of engine.correlate(query)) {
      assert.deepEqual([joinValue, metadata.completeness], ['r1', 'complete']);
      break;
    }
    await engine.destroy();
  }
  const refused = new GraylogAdapter({ url: server.url, maxRetries: 0 });
  assert.deepEqual(await refused.getAvailableStreams(), []);
  await refused.destroy();
});

void test('Graylog: a user and a password, and streams by their IDs', async () => {
  await using server = await GraylogServer.start();
  server.push({ timestamp: Date.now(), message: 'one', streams: ['s1', 's2'] });
  const adapter = new GraylogAdapter({ url: server.url, username: 'admin', password: 'secret' });
  assert.deepEqual(await adapter.getAvailableStreams(), ['s1', 's2']);
  await adapter.destroy();
});

void test('PromQL: options of log-correlator; polled with pollInterval, else once', async () => {
  await using server = await PrometheusServer.start();
  await using front = await Front.start(server.url);
  const socks = await SocksServer.start();
  try {
    const { url } = front;
    const proxy = { host: '127.0.0.1', port: socks.port, type: 4 } as const;
    for (const [options, authorization] of [
      [{ apiToken: 'token-of-prometheus' }, 'Bearer token-of-prometheus'],
      [{ username: 'me', password: 'pass', pollInterval: 10 }, `Basic ${btoa('me:pass')}`],
      [{ proxy }, undefined],
    ] as const) {
      const adapter = new PromQLAdapter({ url, ...options });
      assert.equal(adapter.bounded, !('pollInterval' in options));
      const engine = new CorrelationEngine().addAdapter('promql', adapter);
      const asked = front.requests.length;
      for await (const { joinValue, metadata } of engine.correlate(SHOP)) {
        assert.deepEqual([joinValue, metadata.completeness], ['shop', 'complete']);
        break;
      }
      assert.ok((await adapter.getAvailableStreams()).includes('up'));
      const sent = front.requests.slice(asked).map(({ headers }) => headers.authorization);
      assert.deepEqual([...new Set(sent)], [authorization]);
      await engine.destroy();
    }
    assert.ok(socks.connections > 0);
    front.answer(1, { status: 401 });
    const refused = new PromQLAdapter({ url });
    assert.deepEqual(await refused.getAvailableStreams(), [], 'none where it fails');
    await refused.destroy();
  } finally {
    await socks.close();
  }
});

/** Of samples that do not depend on when Prometheus looked. */
const SHOP = [1, 2]
  .map((value) => `promql(label_replace(vector(${value}), "job", "shop", "", ""))[5m]`)
  .join(' and on(job) within(1s) ');

void test('a source that fails is tried again three times in a row, then the query ends', async () => {
  await using server = await LokiServer.start();
  const push = (id: string) => {
    const now = BigInt(Date.now()) * 1_000_000n;
    server.push({ service: 'frontend' }, [[now, `request_id=${id}`]]);
  };
  const { url } = server;
  const adapters = {
    loki: new LokiAdapter({ url, websocket: false, pollInterval: 10 }),
    graylog: new GraylogAdapter({ url }),
    promql: new PromQLAdapter({ url }),
  };
  await using engine = new CorrelationEngine();
  engine.addAdapter('app', [
    { timestamp: new Date().toISOString(), message: 'request_id=r1' },
    { timestamp: new Date().toISOString(), message: 'request_id=r2' },
  ]);
  for (const [name, adapter] of Object.entries(adapters)) engine.addAdapter(name, adapter);
  let reconnects = 0;
  engine.on('adapterReconnect', () => (reconnects += 1));
  push('r1');
  const found = engine.correlate('app({})[5m] and on(request_id) loki({service="frontend"})[5m]');
  assert.equal((await found.next()).value?.joinValue, 'r1');
  const failing = { status: 503, body: 'starting' };
  server.answer(3, failing);
  push('r2');
  assert.equal((await found.next()).value?.joinValue, 'r2');
  assert.equal(reconnects, 3);
  server.answer(Infinity, failing);
  const details = { source: 'loki', status: 503 };
  await assert.rejects(found.next(), { code: 'ADAPTER_ERROR', details });
  assert.equal(reconnects, 6);
  for (const name of ['graylog', 'promql']) {
    const asked = server.requests.length;
    const query = `app({})[5m] and on(request_id) ${name}(up)[5m]`;
    await assert.rejects(engine.correlate(query).next(), { code: 'ADAPTER_ERROR' });
    assert.equal(server.requests.length - asked, 4, name);
  }
});

void test('a proxy that makes no URL is told without its password', () => {
  const url = 'http://127.0.0.1:9090';
  for (const host of ['', 'a b', 'proxy/']) {
    const proxy = { host, port: 1080, username: 'me', password: 's3cr3t' };
    for (const Adapter of [LokiAdapter, GraylogAdapter, PromQLAdapter]) {
      assert.throws(
        () => new Adapter({ url, proxy }),
        (error) => {
          assert.ok(error instanceof CorrelationError, String(error));
          assert.deepEqual([error.code, error.details], ['INVALID_OPTION', { option: 'proxy' }]);
          assert.doesNotMatch(inspect(error), /s3cr3t/);
          return true;
        },
      );
    }
  }
});
