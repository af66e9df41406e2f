// A real Prometheus on this machine, and something in front of it that misbehaves on command.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** How often it looks at what it watches, in milliseconds. */
export const SCRAPE_MS = 500;

export class PrometheusServer {
  readonly url: string;
  /** What it reads at each look: metrics in its text format. */
  metrics = 'watched 1\n';
  readonly #process: ChildProcess;
  readonly #watched: Server;
  readonly #folder: string;

  private constructor(url: string, process: ChildProcess, watched: Server, folder: string) {
    this.url = url;
    this.#process = process;
    this.#watched = watched;
    this.#folder = folder;
  }

  static async start(): Promise<PrometheusServer> {
    const watched = createServer((_request, response) => {
      response.setHeader('content-type', 'text/plain; version=0.0.4');
      response.end(server.metrics);
    });
    const port = await listening(watched);
    const own = createServer();
    const free = await listening(own);
    own.close();
    const folder = mkdtempSync(path.join(tmpdir(), 'logbraid-prometheus-'));
    const config = path.join(folder, 'prometheus.yml');
    writeFileSync(
      config,
      `global: { scrape_interval: ${SCRAPE_MS}ms }\n` +
        `scrape_configs: [{ job_name: shop, static_configs: [{ targets: ['127.0.0.1:${port}'] }] }]\n`,
    );
    const child = spawn(
      'prometheus',
      [
        `--config.file=${config}`,
        `--storage.tsdb.path=${path.join(folder, 'data')}`,
        `--web.listen-address=127.0.0.1:${free}`,
      ],
      { stdio: 'ignore' },
    );
    const server = new PrometheusServer(`http://127.0.0.1:${free}`, child, watched, folder);
    await server.#ready();
    return server;
  }

  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.#process.once('exit', resolve));
    this.#process.kill('SIGKILL');
    await ended;
    this.#watched.close();
    this.#watched.closeAllConnections();
    rmSync(this.#folder, { recursive: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Resolves when it answers, and has looked once. */
  async #ready(): Promise<void> {
    for (;;) {
      if (this.#process.exitCode !== null) throw new Error('prometheus has ended');
      const answer = await fetch(`${this.url}/api/v1/query?query=up`).catch(() => undefined);
      if (answer?.ok && (await answer.text()).includes('"value"')) return;
      await sleep(50);
    }
  }
}

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}
