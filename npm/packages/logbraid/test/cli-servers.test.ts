// The command line over servers, and its configuration file.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { GraylogServer } from './servers/graylog-server.js';
import { LokiServer } from './servers/loki-server.js';
import { PrometheusServer } from './servers/prometheus-server.js';

const BIN = fileURLToPath(new URL('../../bin/logbraid.js', import.meta.url));
const folder = mkdtempSync(path.join(os.tmpdir(), 'logbraid-test-'));
after(() => {
  rmSync(folder, { recursive: true });
});

function start(args: string[], env: Record<string, string> = {}) {
  const child = spawn(process.execPath, [BIN, 'run', ...args], {
    env: { ...process.env, NO_COLOR: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const told = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (told.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (told.stderr += text));
  const ended = once(child, 'close').then(([code]) => code as number | null);
  return { child, told, ended };
}

const QUERY =
  'loki({service="frontend"})[5m] and on(request_id) within(30s) loki({service="backend"})[5m]';

/** A pair of entries of now. */
function push(server: LokiServer, id: string): void {
  const now = BigInt(Date.now()) * 1_000_000n;
  server.push({ service: 'frontend' }, [[now, `asked request_id=${id}`]]);
  server.push({ service: 'backend' }, [[now + 1n, `answered request_id=${id}`]]);
}

void test('--loki reads the range and ends; with --follow, what comes, until it is interrupted', async () => {
  await using server = await LokiServer.start();
  push(server, 'r1');
  const source = ['--loki', `loki=${server.url}`, '--output', 'ndjson'];
  const once = start([QUERY, ...source]);
  assert.equal(await once.ended, 0, once.told.stderr);
  assert.match(once.told.stdout, /"joinValue":"r1"/);

  const { child, told, ended } = start([QUERY, ...source, '--follow']);
  await server.nextTail();
  push(server, 'r2');
  while (!told.stdout.includes('"joinValue":"r2"')) {
    await Promise.race([
      ended.then(() => assert.fail(told.stderr)),
      new Promise((resolve) => child.stdout.once('data', resolve)),
    ]);
  }
  child.kill('SIGINT');
  assert.equal(await ended, 130);
});

void test('--graylog reads the range and ends', async () => {
  await using server = await GraylogServer.start();
  const timestamp = Date.now() - 1000;
  server.push(
    { timestamp, source: 'edge', message: 'asked request_id=r1' },
    { timestamp: timestamp + 1, source: 'app', message: 'answered request_id=r1' },
  );
  const url = server.url.replace('://', '://admin:secret@');
  const query = 'graylog(source:edge)[5m] and on(request_id) graylog(source:app)[5m]';
  const found = start([query, '--graylog', `graylog=${url}`, '--output', 'ndjson']);
  assert.equal(await found.ended, 0, found.told.stderr);
  assert.match(found.told.stdout, /"joinValue":"r1"/);
});

void test('--prometheus reads the steps of the range and ends', async () => {
  await using server = await PrometheusServer.start();
  // What does not depend on when it looked.
  const shop = (value: number) => `label_replace(vector(${value}), "job", "shop", "", "")`;
  const query = `prometheus(${shop(1)})[5m] and on(job) within(1s) prometheus(${shop(2)})[5m]`;
  const found = start([query, '--prometheus', `prometheus=${server.url}`, '--output', 'ndjson']);
  assert.equal(await found.ended, 0, found.told.stderr);
  assert.match(found.told.stdout, /"joinValue":"shop"/);
});

void test('--config has sources and options; what is secret comes from the environment', async () => {
  await using server = await LokiServer.start({ auth: { token: 'token-of-loki' } });
  push(server, 'r1');
  const config = path.join(folder, 'logbraid.toml');
  const app = path.join(folder, 'app.log');
  writeFileSync(app, `${new Date().toISOString()} paid request_id=r1\n`);
  writeFileSync(
    config,
    `[engine]
lateTolerance = "1s"

[sources.loki]
type = "loki"
url = "${server.url}"
token = { env = "TOKEN_OF_LOKI" }

[sources.app]
type = "file"
path = "${app}"
`,
  );
  const query = 'loki({service="backend"})[5m] and on(request_id) app({})[5m]';
  const found = start([query, '--config', config, '--output', 'count'], {
    TOKEN_OF_LOKI: 'token-of-loki',
  });
  assert.equal(await found.ended, 0, found.told.stderr);
  assert.match(found.told.stdout, /^1 correlation/);
  const missing = start([query, '--config', config]);
  assert.equal(await missing.ended, 2);
  assert.match(missing.told.stderr, /logbraid.toml: TOKEN_OF_LOKI is not in the environment/);
});

void test('a configuration that is wrong is told with its place', async () => {
  const config = path.join(folder, 'wrong.toml');
  for (const [text, message] of [
    ['[engine]\nmaxMemory = 1', /there is no option maxMemory; there are: /],
    ['[source.a]\ntype = "file"', /wrong.toml: there is no \[source\]; there are \[engine\]/],
    ['[sources.a]\ntype = "kafka"', /sources.a has the type "kafka", expected file, http, loki/],
    ['[sources.a]\nurl = "x"', /sources.a has no type, expected file, http, loki/],
    ['[sources.a]\ntype = "file"', /sources.a has no path/],
    [
      '[sources.a]\ntype = "loki"\nurl = "x"',
      /url must be such as http:\/\/loki:3100, not \(no URL\)/,
    ],
    ['[sources.a', /wrong.toml: Invalid TOML document/],
  ] as const) {
    writeFileSync(config, text);
    const { ended, told } = start(['a({}) and on(k) a({})', '--config', config]);
    assert.equal(await ended, 2, told.stderr);
    assert.match(told.stderr, message);
  }
  const { ended, told } = start(['a({}) and on(k) a({})', '--loki', 'me:secret-password@loki']);
  assert.equal(await ended, 2);
  assert.match(told.stderr, /--loki: expected NAME=URL/);
  assert.doesNotMatch(told.stderr, /secret-password/);
});
