// What docs/sources.md shows is so: its examples print what stands below them; `cargo xtask docs` writes it anew.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { readMarkdown } from './markdown.js';
import { GraylogServer } from './servers/graylog-server.js';
import { LokiServer } from './servers/loki-server.js';
import { PrometheusServer } from './servers/prometheus-server.js';
import { RedisServer } from './servers/redis-server.js';

const PACKAGE = fileURLToPath(new URL('../../', import.meta.url));
const PAGE = fileURLToPath(new URL('../../../../../docs/sources.md', import.meta.url));
const UPDATE = process.env['LOGBRAID_UPDATE_DOCS'] !== undefined;

const page = readFileSync(PAGE, 'utf8');
const lines = page.split('\n');
const folder = mkdtempSync(path.join(os.tmpdir(), 'logbraid-sources-'));
const command = path.join(folder, 'logbraid');
const bin = path.join(PACKAGE, 'bin/logbraid.js');
writeFileSync(command, `#!/bin/sh\nexec "${process.execPath}" "${bin}" "$@"\n`);
chmodSync(command, 0o755);

/** What replaces so many lines from a line on. */
const changes: { line: number; count: number; text: string }[] = [];
after(() => {
  rmSync(folder, { recursive: true });
  for (const { line, count, text } of changes.reverse()) {
    lines.splice(line, count, ...text.split('\n'));
  }
  if (changes.length > 0) writeFileSync(PAGE, lines.join('\n'));
});

const GRAYLOG_TOKEN = 'token-of-graylog';

let loki: LokiServer;
let graylog: GraylogServer;
let prometheus: PrometheusServer;
let redis: RedisServer;
before(async () => {
  loki = await LokiServer.start();
  graylog = await GraylogServer.start({ tokens: [GRAYLOG_TOKEN] });
  prometheus = await PrometheusServer.start();
  redis = await RedisServer.start();
  const now = BigInt(Date.now() - 10_000) * 1_000_000n;
  loki.push({ service: 'frontend' }, [[now, 'GET /cart request_id=r1']]);
  const timestamp = Date.now() - 10_000;
  graylog.push(
    { timestamp, source: 'edge', message: 'GET /cart request_id=r1', status: 500 },
    { timestamp: timestamp + 5, source: 'app', message: 'no such cart request_id=r1' },
  );
  loki.push({ service: 'backend' }, [[now + 5n, 'error: no such cart request_id=r1']]);
});
after(async () => {
  await loki.close();
  await graylog.close();
  await prometheus.close();
  await redis.close();
});

/** What an example prints. Folders that it makes go with the test's. */
async function run(language: string, text: string, at: number): Promise<string> {
  const PATH = `${folder}:${process.env['PATH'] ?? ''}`;
  const urls = {
    LOKI_URL: loki.url,
    GRAYLOG_URL: graylog.url,
    GRAYLOG_TOKEN,
    PROMETHEUS_URL: prometheus.url,
    REDIS_URL: redis.url,
  };
  const env = { ...process.env, PATH, TMPDIR: folder, NO_COLOR: '1', ...urls };
  const printed = async (file: string, args: string[]) => {
    const { stdout } = await promisify(execFile)(file, args, { env, cwd: folder, timeout: 60_000 });
    return stdout.trimEnd();
  };
  if (language === 'sh') return printed('sh', ['-c', text]);
  // In the package, so that it can import itself by name.
  const file = path.join(PACKAGE, 'dist', `sources-${at}.mjs`);
  writeFileSync(file, text);
  try {
    return await printed(process.execPath, [file]);
  } finally {
    rmSync(file);
  }
}

const examples = readMarkdown(page).flatMap((piece) => (piece.kind === 'block' ? [piece] : []));

test('there are examples', () => {
  assert.deepEqual(
    examples.map(({ language }) => language),
    ['js', 'js', 'sh', 'js', 'js', 'js', 'js', 'js', 'toml'],
  );
});

for (const { language, text, line, output } of examples) {
  if (language === 'toml') {
    test(`docs/sources.md:${line + 1} configures the command line`, async () => {
      writeFileSync(path.join(folder, 'access.log'), `${new Date().toISOString()} request_id=r1\n`);
      const here = text
        .replace('https://loki.example', loki.url)
        .replace('/var/log/nginx/access.log*', path.join(folder, 'access.log*'));
      writeFileSync(path.join(folder, 'logbraid.toml'), here);
      const query = 'loki({service="backend"})[5m] and on(request_id) edge({})[5m]';
      const command = `LOKI_TOKEN=token logbraid run '${query}' --config logbraid.toml --output count`;
      assert.match(await run('sh', command, line), /^1 correlation/);
    });
    continue;
  }
  test(`docs/sources.md:${line + 1} prints what it says`, async () => {
    assert.ok(output, 'its output is shown');
    const printed = await run(language, text, line);
    if (!UPDATE) assert.equal(output.text, printed);
    else if (output.text !== printed) changes.push({ ...output, text: printed });
  });
}
