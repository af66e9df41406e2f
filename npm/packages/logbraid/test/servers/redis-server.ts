// A real Redis on this machine, that keeps nothing when it ends.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

import { createClient } from 'redis';

export class RedisServer {
  readonly port: number;
  readonly #process: ChildProcess;

  private constructor(port: number, process: ChildProcess) {
    this.port = port;
    this.#process = process;
  }

  static async start(): Promise<RedisServer> {
    const port = await freePort();
    const options = ['--save', '', '--appendonly', 'no', '--bind', '127.0.0.1'];
    const child = spawn('redis-server', ['--port', String(port), ...options], { stdio: 'ignore' });
    let failure: Error | undefined;
    child.on('error', (error) => (failure = error));
    const server = new RedisServer(port, child);
    while (!(await server.#answers())) {
      if (failure) throw failure;
      if (child.exitCode !== null) throw new Error('redis-server has ended');
      await sleep(20);
    }
    return server;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.#process.once('exit', resolve));
    this.#process.kill('SIGKILL');
    await ended;
  }

  async #answers(): Promise<boolean> {
    const client = createClient({ url: this.url, socket: { reconnectStrategy: false } });
    client.on('error', () => undefined);
    try {
      await client.connect();
      return true;
    } catch {
      return false;
    } finally {
      if (client.isOpen) client.destroy();
    }
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
