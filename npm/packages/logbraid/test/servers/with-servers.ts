// Runs a command with protocol servers of the tests in the place of real ones: where they are, it finds in the variables
// that real-servers.test.ts reads.
import { spawn } from 'node:child_process';
import { once } from 'node:events';

import { GELF, GraylogServer } from './graylog-server.js';
import { LokiServer } from './loki-server.js';
import { PrometheusServer } from './prometheus-server.js';

const [program = 'env', ...args] = process.argv.slice(2);
await using loki = await LokiServer.start();
await using graylog = await GraylogServer.start();
await using prometheus = await PrometheusServer.start();
const urls = {
  LOKI_URL: loki.url,
  GRAYLOG_URL: graylog.url,
  GRAYLOG_GELF_URL: graylog.url + GELF,
  GRAYLOG_USERNAME: 'admin',
  GRAYLOG_PASSWORD: 'secret',
  PROMETHEUS_URL: prometheus.url,
};
const child = spawn(program, args, { env: { ...process.env, ...urls }, stdio: 'inherit' });
const [code] = (await once(child, 'close')) as [number | null];
process.exitCode = code ?? 1;
