// Proxies for tests: HTTP, and SOCKS 4, 4a and 5. They count what goes through them.
import { createServer, connect, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { Server as HttpProxy } from 'proxy-chain';

import { SocketReader } from './socket-reader.js';

export interface ProxyAuth {
  user: string;
  password: string;
}

/** A proxy for HTTP: `CONNECT`, and requests with a whole URL. */
export class HttpProxyServer {
  /** How many tunnels and requests were asked for, refused ones included. */
  connections = 0;
  readonly #proxy: HttpProxy;

  private constructor(auth?: ProxyAuth) {
    this.#proxy = new HttpProxy({
      port: 0,
      host: '127.0.0.1',
      prepareRequestFunction: ({ username, password }) => {
        this.connections += 1;
        const known = username === auth?.user && password === auth.password;
        return { requestAuthentication: auth !== undefined && !known };
      },
    });
  }

  static async start(auth?: ProxyAuth): Promise<HttpProxyServer> {
    const server = new HttpProxyServer(auth);
    await server.#proxy.listen();
    return server;
  }

  get port(): number {
    return this.#proxy.port;
  }

  async close(): Promise<void> {
    await this.#proxy.close(true);
  }
}

const GRANTED_4 = Buffer.from([0, 0x5a, 0, 0, 0, 0, 0, 0]);
const REFUSED_4 = Buffer.from([0, 0x5b, 0, 0, 0, 0, 0, 0]);
/** The answer of version 5, with the address that clients do not read. */
const reply5 = (code: number) => Buffer.from([5, code, 0, 1, 0, 0, 0, 0, 0, 0]);

/** A proxy for SOCKS (RFC 1928, RFC 1929); with a password it takes version 5 only. */
export class SocksServer {
  /** How many tunnels were opened. */
  connections = 0;
  /** What was asked for: `host:port`, with the name where the client left it unresolved. */
  readonly destinations: string[] = [];
  readonly #auth: ProxyAuth | undefined;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(auth?: ProxyAuth) {
    this.#auth = auth;
    this.#server = createServer((socket) => {
      this.#track(socket);
      this.#greet(socket).catch(() => socket.destroy());
    });
  }

  static async start(auth?: ProxyAuth): Promise<SocksServer> {
    const server = new SocksServer(auth);
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve));
    return server;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #track(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => this.#sockets.delete(socket));
  }

  async #greet(socket: Socket): Promise<void> {
    const reader = new SocketReader(socket);
    const version = await reader.byte();
    if (version === 4) await this.#version4(socket, reader);
    else if (version === 5) await this.#version5(socket, reader);
    else socket.destroy();
  }

  async #version4(socket: Socket, reader: SocketReader): Promise<void> {
    const command = await reader.byte();
    const port = (await reader.bytes(2)).readUInt16BE();
    const address = await reader.bytes(4);
    await reader.untilZero();
    // 0.0.0.x: the name comes after the user, to be resolved here (4a).
    const named = address.readUInt32BE() < 256;
    const host = named ? (await reader.untilZero()).toString() : address.join('.');
    if (command !== 1 || this.#auth) socket.end(REFUSED_4);
    else this.#tunnel(socket, reader, host, port, GRANTED_4, REFUSED_4);
  }

  async #version5(socket: Socket, reader: SocketReader): Promise<void> {
    const methods = await reader.bytes(await reader.byte());
    const method = this.#auth ? 2 : 0;
    if (!methods.includes(method)) {
      socket.end(Buffer.from([5, 0xff]));
      return;
    }
    socket.write(Buffer.from([5, method]));
    if (this.#auth && !(await this.#passes(socket, reader, this.#auth))) return;
    const [, command, , kind] = await reader.bytes(4);
    const host = await address5(reader, kind);
    const port = (await reader.bytes(2)).readUInt16BE();
    if (command !== 1) socket.end(reply5(7));
    else this.#tunnel(socket, reader, host, port, reply5(0), reply5(5));
  }

  async #passes(socket: Socket, reader: SocketReader, auth: ProxyAuth): Promise<boolean> {
    await reader.byte();
    const user = (await reader.bytes(await reader.byte())).toString();
    const password = (await reader.bytes(await reader.byte())).toString();
    const known = user === auth.user && password === auth.password;
    if (known) socket.write(Buffer.from([1, 0]));
    else socket.end(Buffer.from([1, 1]));
    return known;
  }

  #tunnel(
    socket: Socket,
    reader: SocketReader,
    host: string,
    port: number,
    granted: Buffer,
    refused: Buffer,
  ): void {
    this.destinations.push(`${host}:${port}`);
    const target = connect(port, host);
    this.#track(target);
    target.once('connect', () => {
      this.connections += 1;
      socket.write(granted);
      target.write(reader.release());
      socket.pipe(target).pipe(socket);
      socket.on('close', () => target.destroy());
      target.on('close', () => socket.destroy());
    });
    target.once('error', () => socket.end(refused));
  }
}

async function address5(reader: SocketReader, kind: number | undefined): Promise<string> {
  if (kind === 1) return (await reader.bytes(4)).join('.');
  if (kind === 3) return (await reader.bytes(await reader.byte())).toString();
  const groups = await reader.bytes(16);
  const words = Array.from({ length: 8 }, (_, at) => groups.readUInt16BE(at * 2).toString(16));
  return words.join(':');
}
