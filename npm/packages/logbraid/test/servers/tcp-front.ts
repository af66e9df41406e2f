// Something in front of a server of any protocol: passes bytes on, unless it is told to misbehave.
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

import type { Restart } from './misbehave.js';

export class TcpFront {
  /** The connections that are open. */
  readonly sockets = new Set<Socket>();
  readonly #target: number;
  readonly #pairs = new Map<Socket, Socket>();
  #server: Server | undefined;
  #port = 0;
  /** How many of the next connections wait for ever. */
  #stalls = 0;
  #refuses = false;

  private constructor(target: number) {
    this.#target = target;
  }

  /** In front of a port of this machine. */
  static async start(target: number): Promise<TcpFront> {
    return new TcpFront(target).listen();
  }

  get port(): number {
    return this.#port;
  }

  /** Listens, after `stop` on the same port as before. */
  async listen(): Promise<this> {
    const server = createServer((socket) => {
      this.#take(socket);
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.#port, '127.0.0.1', resolve);
    });
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
    return this;
  }

  /** Cuts every connection and refuses new ones until `listen`. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    const closed = server && new Promise((resolve) => server.close(resolve));
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }

  async close(): Promise<void> {
    await this.stop();
  }

  /** Goes away and comes back; with 503, takes connections meanwhile and closes them. */
  async restart({ downMs, refuse = 'connection' }: Restart): Promise<void> {
    if (refuse === 'connection') await this.stop();
    this.#refuses = true;
    for (const socket of this.sockets) socket.destroy();
    await sleep(downMs);
    this.#refuses = false;
    if (refuse === 'connection') await this.listen();
  }

  /** Passes nothing on of the next connections. */
  stall(next: number): void {
    this.#stalls = next;
  }

  /** Takes what comes next from behind for itself, and cuts the connection. */
  lose(): void {
    for (const [socket, behind] of this.#pairs) {
      behind.unpipe(socket);
      behind.once('data', () => socket.destroy());
      behind.resume();
    }
  }

  behave(): void {
    this.#stalls = 0;
  }

  #take(socket: Socket): void {
    this.sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => this.sockets.delete(socket));
    if (this.#refuses) {
      socket.destroy();
    } else if (this.#stalls > 0) {
      this.#stalls -= 1;
      // Nobody hears of its end where nobody reads.
      socket.resume();
    } else {
      const behind = connect(this.#target, '127.0.0.1');
      this.#pairs.set(socket, behind);
      behind.pipe(socket).pipe(behind);
      behind.on('error', () => socket.destroy());
      behind.on('close', () => socket.destroy());
      socket.on('close', () => {
        this.#pairs.delete(socket);
        behind.destroy();
      });
    }
  }
}
