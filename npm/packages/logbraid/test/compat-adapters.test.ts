// The adapters with the options of log-correlator.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { CorrelationEngine, GraylogAdapter, LokiAdapter, PromQLAdapter } from 'logbraid/compat';

import { GraylogServer } from './servers/graylog-server.js';
import { LokiServer } from './servers/loki-server.js';
import { SocksServer } from './servers/proxy-server.js';

void test('Loki: options of log-correlator, over a SOCKS proxy', async () => {
  await using server = await LokiServer.start({ auth: { token: 'token-of-loki' } });
  const socks = await SocksServer.start({ user: 'me', password: 'pass' });
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
        proxy: { host: '127.0.0.1', port: socks.port, username: 'me', password: 'pass' },
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

void test('PromQL: polled with pollInterval, else once', () => {
  const url = 'http://127.0.0.1:9090';
  assert.equal(new PromQLAdapter({ url }).bounded, true);
  assert.equal(new PromQLAdapter({ url, pollInterval: 5000, apiToken: 't' }).bounded, false);
});
