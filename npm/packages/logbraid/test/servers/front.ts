// Something in front of a server that runs: hands all on to it, unless it is told to misbehave.
import type { IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

import type { Answer, ReceivedRequest } from './misbehave.js';
import { MisbehavingServer } from './misbehave.js';

/** What is said of one connection, and of how bytes of an answer were on the way. */
const OWN_HEADERS = new Set([
  'accept-encoding',
  'connection',
  'content-encoding',
  'content-length',
  'host',
  'keep-alive',
  'transfer-encoding',
]);

export class Front extends MisbehavingServer {
  readonly #target: URL;

  private constructor(target: string) {
    super();
    this.#target = new URL(target);
  }

  static async start(target: string): Promise<Front> {
    return new Front(target).listen();
  }

  protected override async respond(request: ReceivedRequest): Promise<Answer> {
    const { method, path, query, headers, body } = request;
    const answer = await fetch(this.#behind(`${path}?${query.toString()}`), {
      method,
      headers: passed(Object.entries(headers).map(([name, value]) => [name, String(value)])),
      ...(body !== '' && { body }),
      redirect: 'manual',
      signal: this.life.signal,
    });
    return { status: answer.status, headers: passed(answer.headers), body: await answer.text() };
  }

  /** Bytes go both ways from here on, the answer to the request included. */
  protected override upgrade(
    _request: ReceivedRequest,
    { url = '/', rawHeaders }: IncomingMessage,
    socket: Socket,
    head: Buffer,
  ): undefined {
    const { hostname, protocol, host, pathname, search } = this.#behind(url);
    const isTls = protocol === 'https:';
    const port = Number(this.#target.port || (isTls ? 443 : 80));
    const behind = isTls
      ? connectTls({ host: hostname, port, servername: hostname })
      : connect({ host: hostname, port });
    const lines = [`GET ${pathname}${search} HTTP/1.1`, `host: ${host}`];
    for (let at = 0; at < rawHeaders.length; at += 2) {
      const [name = '', value = ''] = rawHeaders.slice(at);
      if (name.toLowerCase() !== 'host') lines.push(`${name}: ${value}`);
    }
    behind.write(`${lines.join('\r\n')}\r\n\r\n`);
    behind.write(head);
    behind.pipe(socket).pipe(behind);
    behind.on('error', () => socket.destroy());
    behind.on('close', () => socket.destroy());
    socket.on('close', () => behind.destroy());
    return undefined;
  }

  #behind(pathAndQuery: string): URL {
    return new URL(`${this.#target.pathname.replace(/\/$/, '')}${pathAndQuery}`, this.#target);
  }
}

function passed(headers: Iterable<[string, string]>): Record<string, string> {
  return Object.fromEntries([...headers].filter(([name]) => !OWN_HEADERS.has(name)));
}
