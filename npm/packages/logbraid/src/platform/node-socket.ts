import type { Agent } from 'node:http';

import { WebSocket } from 'ws';
import type { Frames } from '../adapters/transport.js';
import { SocketError } from '../adapters/transport.js';

/** Messages that wait for whoever takes them; with more the socket is not read. */
const WAITING = 16;

/** The longest message, and the most that is read of what a server says when it refuses, in bytes. */
const MAX_MESSAGE = 256 << 20;
const MAX_REFUSAL = 4096;

interface SocketOptions {
  headers: Readonly<Record<string, string>>;
  idleMs: number;
  signal: AbortSignal;
  agent: Agent | undefined;
  ca?: string | string[];
}

/** Opens a WebSocket. */
export function connect(url: string, options: SocketOptions): Promise<Frames> {
  const { headers, idleMs, signal, agent, ca } = options;
  signal.throwIfAborted();
  const socket = new WebSocket(url, {
    headers,
    handshakeTimeout: idleMs,
    maxPayload: MAX_MESSAGE,
    ...(agent && { agent }),
    ...(ca && { ca }),
  });
  const frames = new SocketFrames(socket, idleMs, signal);
  return new Promise((resolve, reject) => {
    socket.once('open', () => {
      resolve(frames);
    });
    socket.once('unexpected-response', (_request, response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (text: string) => {
        body = (body + text).slice(0, MAX_REFUSAL);
      });
      const refuse = () => {
        const { statusCode: status = 0, headers: answered } = response;
        const retryAfter = answered['retry-after'];
        const told = body.trim();
        reject(new SocketError(told, { refused: { status, body: told, retryAfter } }));
        socket.terminate();
      };
      response.once('end', refuse);
      response.once('close', refuse);
    });
    frames.failed = reject;
  });
}

class SocketFrames implements Frames {
  /** Told when it fails before it is open. */
  failed: (error: SocketError) => void = () => undefined;
  readonly #socket: WebSocket;
  readonly #idleMs: number;
  readonly #signal: AbortSignal;
  #waiting: Uint8Array[] = [];
  #reader: (() => void) | undefined;
  #end: { error: SocketError | undefined } | undefined;
  #idle: ReturnType<typeof setTimeout> | undefined;

  constructor(socket: WebSocket, idleMs: number, signal: AbortSignal) {
    this.#socket = socket;
    this.#idleMs = idleMs;
    this.#signal = signal;
    socket.binaryType = 'nodebuffer';
    socket.on('open', this.#alive);
    socket.on('ping', this.#alive);
    socket.on('message', (data) => {
      this.#waiting.push(data as Buffer);
      if (this.#waiting.length >= WAITING) {
        socket.pause();
        clearTimeout(this.#idle);
      } else {
        this.#alive();
      }
      this.#reader?.();
    });
    socket.on('error', (cause) => {
      this.#ends(new SocketError(cause.message, { cause }));
    });
    socket.on('close', (code, reason) => {
      this.#ends(new SocketError(reason.toString() || `closed with code ${code}`, { code }));
    });
    signal.addEventListener('abort', this.#abort);
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    while (this.#waiting.length === 0 && !this.#end) {
      await new Promise<void>((resolve) => (this.#reader = resolve));
      this.#reader = undefined;
    }
    const value = this.#waiting.shift();
    if (value) {
      if (this.#waiting.length === 0 && this.#socket.isPaused) {
        this.#socket.resume();
        this.#alive();
      }
      return { value, done: false };
    }
    const error = this.#end?.error;
    if (this.#end) this.#end.error = undefined;
    if (error) throw error;
    return { value: undefined, done: true };
  }

  return(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.close();
    return Promise.resolve({ value: undefined, done: true });
  }

  close(): void {
    this.#waiting = [];
    this.#ends(undefined);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  readonly #abort = (): void => {
    this.close();
  };

  /** Something was heard. */
  readonly #alive = (): void => {
    clearTimeout(this.#idle);
    // While it is not read, nothing can be heard; what had been read before may still come.
    if (this.#end || this.#socket.isPaused) return;
    const idle = setTimeout(() => {
      // Where the event loop was busy for so long, what has come meanwhile is read only now.
      setImmediate(() => {
        if (this.#idle !== idle || this.#socket.isPaused) return;
        this.#ends(new SocketError(`nothing was heard for ${this.#idleMs} ms`));
      });
    }, this.#idleMs);
    this.#idle = idle;
  };

  #ends(error: SocketError | undefined): void {
    if (this.#end) return;
    this.#end = { error };
    clearTimeout(this.#idle);
    this.#signal.removeEventListener('abort', this.#abort);
    // Without the goodbye, for which a server that is stuck would be waited for.
    this.#socket.terminate();
    this.failed(error ?? new SocketError('it was left before it was open'));
    this.#reader?.();
  }
}
