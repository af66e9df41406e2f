// An HTTP server on this machine that records what it is asked and misbehaves on command: what the
// protocol servers of the tests have in common.
import type { IncomingHttpHeaders, IncomingMessage, Server } from 'node:http';
import { createServer, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/** What was asked. */
export interface ReceivedRequest {
  method: string;
  path: string;
  query: URLSearchParams;
  headers: IncomingHttpHeaders;
  body: string;
}

export interface Answer {
  status: number;
  headers?: Record<string, string>;
  body?: string;
  /** What follows the body, whenever it comes; the length is not told then. */
  rest?: AsyncIterable<string>;
}

/**
 * How the right answer is spoiled: a whole message whose text stops in the middle, fewer or more
 * bytes than `content-length` says, or a reset of the connection after half the body.
 */
export type Cut = 'inside-text' | 'missing-bytes' | 'extra-bytes' | 'reset';

/** Pieces of so many bytes, with so much time after each. */
export interface Drip {
  bytes: number;
  everyMs: number;
}

export interface Restart {
  downMs: number;
  /** What a client sees meanwhile: no listener, or a proxy that answers 503. */
  refuse?: 'connection' | 503;
}

type Fault =
  | { kind: 'answer'; answer: Answer }
  | { kind: 'stall'; ms: number }
  | { kind: 'cut'; how: Cut }
  | { kind: 'drip'; drip: Drip };

/** A fault for the next requests, of one path or of any. */
interface Plan {
  left: number;
  path: string | undefined;
  fault: Fault;
}

const UNAVAILABLE: Answer = {
  status: 503,
  headers: { 'content-type': 'text/html' },
  body: '<html><head><title>503 Service Temporarily Unavailable</title></head></html>\n',
};

/** Long enough for a client to read what came before a reset, which would take it along. */
const BEFORE_RESET_MS = 20;

export abstract class MisbehavingServer {
  readonly requests: ReceivedRequest[] = [];
  /** The connections that are open. */
  readonly sockets = new Set<Socket>();
  /** Aborted by `close`. */
  protected readonly life = new AbortController();
  #server: Server | undefined;
  #port = 0;
  #plans: Plan[] = [];
  #refuses = false;

  /** The right answer to a request. */
  protected abstract respond(request: ReceivedRequest): Answer | Promise<Answer>;

  /** Takes a connection over, or answers why not. */
  protected upgrade?(
    request: ReceivedRequest,
    message: IncomingMessage,
    socket: Socket,
    head: Buffer,
  ): Answer | undefined;

  get port(): number {
    return this.#port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Listens, after `stop` on the same port as before. */
  async listen(): Promise<this> {
    const server = createServer({ keepAliveTimeout: 0 });
    server.on('connection', (socket) => {
      this.sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => this.sockets.delete(socket));
    });
    server.on('request', (message, response) => void this.#serve(message, response));
    server.on('upgrade', (message, _socket, head) => {
      const { socket } = message;
      const response = new ServerResponse(message);
      response.assignSocket(socket);
      response.shouldKeepAlive = false;
      response.on('finish', () => socket.end());
      void this.#serve(message, response, head);
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.#port, '127.0.0.1', resolve);
    });
    this.#server = server;
    this.#port = (server.address() as AddressInfo).port;
    if (this.life.signal.aborted) await this.stop();
    return this;
  }

  /** Cuts every connection and refuses new ones until `listen`. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    const closed: Promise<unknown>[] = [...this.sockets].map(
      (socket) => new Promise((resolve) => socket.once('close', resolve)),
    );
    if (server) closed.push(new Promise((resolve) => server.close(resolve)));
    this.cut();
    await Promise.all(closed);
  }

  /** Ends everything for good. */
  async close(): Promise<void> {
    this.life.abort();
    await this.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Cuts every connection; new ones are taken. */
  cut(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  /** Goes away and comes back on the same port, with what it held. */
  async restart({ downMs, refuse = 'connection' }: Restart): Promise<void> {
    if (refuse === 'connection') await this.stop();
    this.#refuses = true;
    this.cut();
    await sleep(downMs, undefined, { signal: this.life.signal }).catch(() => undefined);
    this.#refuses = false;
    if (refuse === 'connection') await this.listen();
  }

  /** Answers the next requests late, or never (Infinity). */
  stall(next: number, ms: number, path?: string): void {
    this.#plan(next, { kind: 'stall', ms }, path);
  }

  /** Gives the next requests this answer, whatever they ask. */
  answer(next: number, answer: Answer, path?: string): void {
    this.#plan(next, { kind: 'answer', answer }, path);
  }

  /** Spoils the right answers to the next requests. */
  spoil(next: number, how: Cut, path?: string): void {
    this.#plan(next, { kind: 'cut', how }, path);
  }

  /** Sends the right answers to the next requests piece by piece. */
  drip(next: number, drip: Drip, path?: string): void {
    this.#plan(next, { kind: 'drip', drip }, path);
  }

  /** Behaves again. */
  behave(): void {
    this.#plans = [];
  }

  #plan(left: number, fault: Fault, path: string | undefined): void {
    this.#plans.push({ left, fault, path });
  }

  #fault(path: string): Fault | undefined {
    const plan = this.#plans.find((each) => each.path === undefined || each.path === path);
    if (!plan) return undefined;
    plan.left -= 1;
    if (plan.left <= 0) this.#plans.splice(this.#plans.indexOf(plan), 1);
    return plan.fault;
  }

  async #serve(message: IncomingMessage, response: ServerResponse, head?: Buffer): Promise<void> {
    try {
      const request = await received(message, head !== undefined);
      this.requests.push(request);
      const fault = this.#refuses
        ? ({ kind: 'answer', answer: UNAVAILABLE } as const)
        : this.#fault(request.path);
      if (fault?.kind === 'stall') await this.#wait(fault.ms, response);
      const answer =
        fault?.kind === 'answer' ? fault.answer : await this.#right(request, response, head);
      if (answer) await this.#write(response, answer, fault);
    } catch (error) {
      // The client has left, or `close` has been called.
      if (!message.socket.destroyed) throw error;
    }
  }

  #right(
    request: ReceivedRequest,
    response: ServerResponse,
    head?: Buffer,
  ): Answer | undefined | Promise<Answer> {
    const { req, socket } = response;
    if (!head || !socket || !this.upgrade) return this.respond(request);
    response.detachSocket(socket);
    const refusal = this.upgrade(request, req, socket, head);
    if (refusal) response.assignSocket(socket);
    return refusal;
  }

  async #write(response: ServerResponse, answer: Answer, fault: Fault | undefined): Promise<void> {
    const body = Buffer.from(answer.body ?? '');
    const half = body.subarray(0, body.length >> 1);
    const how = fault?.kind === 'cut' ? fault.how : undefined;
    const length = how === 'inside-text' || how === 'extra-bytes' ? half.length : body.length;
    const isSized = !answer.rest && (body.length > 0 || answer.status !== 204);
    const sized = isSized ? { 'content-length': length } : {};
    response.writeHead(answer.status, { ...sized, ...answer.headers });
    if (fault?.kind === 'drip') {
      await this.#drip(response, body, fault.drip);
    } else if (how === 'missing-bytes') {
      response.write(half, () => response.socket?.end());
    } else if (how === 'reset') {
      response.write(half);
      await this.#wait(BEFORE_RESET_MS, response);
      response.socket?.resetAndDestroy();
    } else if (answer.rest && how === undefined) {
      response.write(body);
      await pipeline(Readable.from(answer.rest), response);
    } else {
      response.end(how === 'inside-text' ? half : body);
    }
  }

  async #drip(response: ServerResponse, body: Buffer, { bytes, everyMs }: Drip): Promise<void> {
    for (let at = 0; at < body.length; at += bytes) {
      response.write(body.subarray(at, at + bytes));
      await this.#wait(everyMs, response);
    }
    response.end();
  }

  /** Rejects where the client leaves or the server is closed first. */
  async #wait(ms: number, response: ServerResponse): Promise<void> {
    const left = new AbortController();
    response.once('close', () => {
      left.abort();
    });
    const signal = AbortSignal.any([this.life.signal, left.signal]);
    if (ms !== Infinity) await sleep(ms, undefined, { signal });
    else
      await new Promise((_, reject) => {
        signal.addEventListener('abort', reject);
      });
  }
}

async function received(message: IncomingMessage, upgrade: boolean): Promise<ReceivedRequest> {
  const { pathname, searchParams } = new URL(message.url ?? '/', 'http://127.0.0.1');
  return {
    method: message.method ?? '',
    path: pathname,
    query: searchParams,
    headers: message.headers,
    body: upgrade ? '' : await text(message),
  };
}
