import { duration, reader, text } from '../checks.js';
import {
  AdapterError,
  AuthRequiredError,
  CorrelationError,
  OptionError,
  RequestTimeoutError,
} from '../errors.js';
import { load, openTransport } from '#platform';
import type { KnownLabel } from '../query.js';
import type { ClockSkew, DurationInput } from '../types.js';
import type { StreamItem, StreamOptions } from './adapter.js';
import { Secrets, basicAuth, credentialsOf, redactUrl } from './redact.js';
import { Retries, isTransient, retryAfter, sleep } from './retries.js';
import type { RetryOptions } from './retries.js';
import { StreamSet } from './streams.js';
import type { ReadOptions } from './streams.js';
import { SocketError } from './transport.js';
import type { Frames, Transport, TransportOptions, TransportResponse } from './transport.js';

/** What adapters of servers have in common. */
export interface ServerOptions extends TransportOptions, Pick<RetryOptions, 'maxRetries'> {
  /** Where the server is: its root, with a path where it is behind one. A user and a password in it are used, too. */
  url: string | URL;
  /** Sent with each request. */
  headers?: Readonly<Record<string, string>> | undefined;
  /** For Basic authentication. */
  username?: string | undefined;
  password?: string | undefined;
  /** Sent as `Authorization: Bearer …`. */
  token?: string | undefined;
  /** How long an answer may take as a whole, and a WebSocket be silent; a duration. Default `30s`. */
  timeout?: DurationInput | undefined;
  /** How far the clock of the source is ahead; see {@link DataSourceAdapter.clockSkew}. Default 0. */
  clockSkew?: ClockSkew | undefined;
}

/** The names of all {@link ServerOptions}. */
export const SERVER_OPTIONS: readonly (keyof ServerOptions)[] = [
  'url',
  'headers',
  'username',
  'password',
  'token',
  'timeout',
  'maxRetries',
  'clockSkew',
  'proxy',
  'ca',
];

/** The most of one answer that is taken, in bytes, and of one that is an error. */
const MAX_BODY = 256 << 20;
const MAX_TOLD = 1 << 16;

/** Labels whose values are asked for, to complete queries with. */
const MAX_LABELS = 32;

/** Characters of what a server says that errors show. */
const SHOWN = 500;

/** What is asked of a server. */
export interface ServerRequest {
  method?: 'GET' | 'POST';
  query?: Readonly<Record<string, string | number | bigint | undefined>>;
  headers?: Readonly<Record<string, string>>;
  body?: string;
  signal: AbortSignal;
}

/** Why an attempt has failed, and whether another may go well. */
export class Failure extends Error {
  override name = 'Failure';
  readonly error: CorrelationError;
  readonly isTransient: boolean;
  readonly retryAfterMs: number;

  constructor(error: CorrelationError, transient: boolean, retryAfterMs = 0) {
    super(error.message);
    this.error = error;
    this.isTransient = transient;
    this.retryAfterMs = retryAfterMs;
  }
}

/** What an answer that is an error means to an adapter; `undefined` for what any adapter makes of it. */
export type Refusal = (
  status: number,
  told: string,
  message: string,
) => CorrelationError | undefined;

/**
 * A server as an adapter sees it: one attempt at a request or a connection at a time, with credentials, a
 * timeout and errors that show no secret; and the streams that are made of them.
 */
export class Server {
  /** Its streams, and what has come of them. */
  readonly streams = new StreamSet();
  /** How long an answer may take, and a WebSocket be silent. */
  readonly timeoutMs: number;
  readonly #url: URL;
  readonly #headers: Record<string, string>;
  readonly #secrets: Secrets;
  readonly #maxRetries: number | undefined;
  readonly #refusal: Refusal;
  readonly #transport: Transport;
  /** How far the clock of the server is ahead, by its answers, in milliseconds. */
  #ahead = 0;

  /** Throws an `OptionError` at an option that is wrong. Errors show none of the `secrets` either. */
  constructor(options: ServerOptions, refusal: Refusal, secrets: readonly string[] = []) {
    const read = reader(options, Object.keys(options) as (keyof ServerOptions)[]);
    const { url, headers = {}, maxRetries, proxy, ca } = options;
    const username = read('username', text, undefined);
    const password = read('password', text, undefined);
    const token = read('token', text, undefined);
    if (!URL.canParse(String(url)) || !/^https?:$/.test(new URL(url).protocol)) {
      throw new OptionError(`url must be such as http://loki:3100, not ${redactUrl(String(url))}`, {
        details: { option: 'url' },
      });
    }
    this.#url = new URL(url);
    const given = credentialsOf('url', this.#url);
    const user = username ?? given.username;
    const pass = password ?? given.password;
    this.#url.username = this.#url.password = '';
    if (token !== undefined && user !== '') {
      throw new OptionError('token and username exclude each other', {
        details: { option: 'token' },
      });
    }
    const auth =
      token !== undefined ? `Bearer ${token}` : user !== '' ? basicAuth(user, pass) : undefined;
    this.#headers = { ...headers, ...(auth !== undefined && { authorization: auth }) };
    this.#transport = openTransport({ proxy, ca });
    this.#secrets = new Secrets(url, Object.entries(this.#headers));
    for (const secret of [user, pass, token, proxy && new URL(proxy).password, ...secrets]) {
      if (secret) this.#secrets.add(secret);
    }
    this.timeoutMs = read('timeout', duration, 30_000);
    this.#maxRetries = maxRetries;
    // So that what is wrong is told now.
    this.retries();
    this.#refusal = refusal;
  }

  /** A stream, which begins with its first `next()`, as {@link StreamSet.open}; what reads answers is loaded then. */
  stream<Item extends StreamItem>(
    options: StreamOptions,
    read: (options: ReadOptions) => AsyncIterable<Item>,
  ): AsyncGenerator<Item, undefined, undefined> {
    return this.streams.open(options, async function* (given) {
      await load();
      given.signal.throwIfAborted();
      yield* read(given);
    });
  }

  /** What counts the failures of one stream. */
  retries(): Retries {
    return new Retries({ maxRetries: this.#maxRetries });
  }

  /** Whether WebSockets can be opened with headers. */
  get hasSockets(): boolean {
    return this.#transport.connect !== undefined;
  }

  /** What time it is at the server, in milliseconds since the epoch. */
  now(): number {
    return Date.now() + this.#ahead;
  }

  /** Makes a request, once. Throws a {@link Failure}, or what the signal was aborted with. */
  async request(path: string, request: ServerRequest): Promise<Uint8Array> {
    const { method = 'GET', query, headers, body, signal } = request;
    const url = this.#urlOf(path, query);
    const what = `${method} ${shownUrl(url)}`;
    return this.#limited(what, signal, async (limited) => {
      const response = await this.#transport.fetch(url.href, {
        method,
        headers: { ...this.#headers, ...headers },
        body,
        signal: limited,
      });
      this.#tellTime(response);
      if (!response.ok) throw await this.#refused(what, response);
      return readAll(response.body, MAX_BODY, (bytes) => (this.streams.counters.bytes += bytes));
    });
  }

  /** Opens a WebSocket, once. Throws as {@link request}. */
  async connect(path: string, request: ServerRequest): Promise<Frames> {
    const { query, headers, signal } = request;
    const url = this.#urlOf(path, query);
    url.protocol = url.protocol.replace('http', 'ws');
    this.streams.counters.requests += 1;
    try {
      const connect = this.#transport.connect?.bind(this.#transport);
      if (!connect) throw new SocketError('WebSockets with headers cannot be opened here');
      const idleMs = this.timeoutMs;
      return await connect(url.href, { headers: { ...this.#headers, ...headers }, idleMs, signal });
    } catch (cause) {
      signal.throwIfAborted();
      const refused = cause instanceof SocketError ? cause.refused : undefined;
      const what = `WebSocket ${shownUrl(url)}`;
      throw refused
        ? this.#refusedWith(what, refused.status, '', refused.body, refused.retryAfter)
        : this.failure(what, cause);
    }
  }

  /** A failure of the way to the server, or on it: another attempt may go well. */
  failure(what: string, cause: unknown): Failure {
    const details = { url: redactUrl(this.#url) };
    const message = `${what} failed: ${this.#secrets.reason(cause)}`;
    return new Failure(
      new AdapterError(message, { cause: this.#secrets.cause(cause), details }),
      true,
    );
  }

  /** What an answer is, as JSON, for whoever asks once and beside any stream. */
  async json(path: string, headers: Readonly<Record<string, string>> = {}): Promise<unknown> {
    const { signal } = new AbortController();
    const body = await this.request(path, { headers, signal }).catch((thrown: unknown) => {
      throw thrown instanceof Failure ? thrown.error : thrown;
    });
    return JSON.parse(new TextDecoder().decode(body));
  }

  /** The list that an answer has as its `data`. */
  async list(path: string): Promise<string[]> {
    const { data = [] } = (await this.json(path)) as { data?: string[] };
    return data;
  }

  /** Labels and their values, from such lists: those of the first few. */
  async labels(names: string, values: (name: string) => string): Promise<KnownLabel[]> {
    const known = (await this.list(names)).slice(0, MAX_LABELS);
    return Promise.all(
      known.map(async (name) => ({
        name,
        values: await this.list(values(encodeURIComponent(name))),
      })),
    );
  }

  /** Ends all streams, and closes what is kept alive. */
  async close(): Promise<void> {
    await this.streams.close();
    await this.#transport.close();
  }

  #urlOf(path: string, query: ServerRequest['query'] = {}): URL {
    const url = new URL(this.#url);
    url.pathname = url.pathname.replace(/\/$/, '') + path;
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    return url;
  }

  /** Runs an attempt, which has to be done in time. */
  async #limited<T>(
    what: string,
    signal: AbortSignal,
    attempt: (limited: AbortSignal) => Promise<T>,
  ): Promise<T> {
    signal.throwIfAborted();
    this.streams.counters.requests += 1;
    const limit = new AbortController();
    const abort = () => {
      limit.abort(signal.reason);
    };
    signal.addEventListener('abort', abort);
    const late = new Error('late');
    const timer = setTimeout(() => {
      limit.abort(late);
    }, this.timeoutMs);
    try {
      return await attempt(limit.signal);
    } catch (thrown) {
      signal.throwIfAborted();
      if (thrown instanceof Failure) throw thrown;
      if (limit.signal.reason !== late) throw this.failure(what, thrown);
      const message = `${what} was not answered within ${this.timeoutMs} ms (timeout)`;
      throw new Failure(new RequestTimeoutError(message), true);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
    }
  }

  async #refused(what: string, response: TransportResponse): Promise<Failure> {
    const { status, statusText, headers } = response;
    let told = '';
    try {
      told = new TextDecoder().decode(await readAll(response.body, MAX_TOLD, () => undefined));
    } catch {
      // Its status says enough.
    }
    return this.#refusedWith(what, status, statusText, told, headers.get('retry-after'));
  }

  #refusedWith(
    what: string,
    status: number,
    statusText: string,
    told: string,
    after: string | null | undefined,
  ): Failure {
    const text = this.#secrets.hide(told.trim());
    const brief = text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
    const answered = `${status} ${statusText}`.trim();
    const message = `${what} answered ${answered}${brief && `: ${brief}`}`;
    const details = { status };
    const error =
      this.#refusal(status, text, message) ??
      (status === 401 || status === 403
        ? new AuthRequiredError(message, { details })
        : new AdapterError(message, { details }));
    return new Failure(error, isTransient(status), retryAfter(after));
  }

  #tellTime({ headers }: TransportResponse): void {
    const date = Date.parse(headers.get('date') ?? '');
    // It has whole seconds, and has been on its way.
    if (Math.abs(date - Date.now()) > 2000) this.#ahead = date - Date.now();
    else if (date > 0) this.#ahead = 0;
  }
}

/** One stream of an adapter: tries again what fails, and tells of it. */
export class Attempts {
  readonly #retries: Retries;
  readonly #signal: AbortSignal;
  readonly #tell: ReadOptions['tell'];
  readonly #exhausted: (error: CorrelationError) => CorrelationError;

  /** With `exhausted`, another error is thrown when there have been too many failures in a row. */
  constructor(
    server: Server,
    { signal, tell }: ReadOptions,
    exhausted = (error: CorrelationError) => error,
  ) {
    this.#retries = server.retries();
    this.#signal = signal;
    this.#tell = tell;
    this.#exhausted = exhausted;
  }

  /** An attempt at something, again and again until it goes well. Throws what makes another hopeless. */
  async until<T>(attempt: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        const done = await attempt();
        this.reset();
        return done;
      } catch (thrown) {
        await this.failed(thrown);
      }
    }
  }

  /** Something has gone well. */
  reset(): void {
    this.#retries.reset();
  }

  /** Something has failed: waits until it can be tried again, or throws why it cannot. */
  async failed(thrown: unknown): Promise<void> {
    this.#signal.throwIfAborted();
    if (!(thrown instanceof Failure)) throw thrown;
    const { error, retryAfterMs } = thrown;
    const delayMs = thrown.isTransient ? this.#retries.next(retryAfterMs) : undefined;
    if (delayMs === undefined) throw thrown.isTransient ? this.#exhausted(error) : error;
    this.#tell({ type: 'reconnect', attempt: this.#retries.attempt, delayMs, error });
    await sleep(delayMs, this.#signal);
    this.#signal.throwIfAborted();
  }
}

/** A URL as errors show it: what was asked there is long, and known. */
function shownUrl({ origin, pathname }: URL): string {
  return origin + pathname;
}

async function readAll(
  body: ReadableStream<Uint8Array> | null,
  most: number,
  count: (bytes: number) => void,
): Promise<Uint8Array> {
  const reader = body?.getReader();
  const chunks: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const { done, value } = (await reader?.read()) ?? { done: true, value: undefined };
    if (done) break;
    count(value.length);
    chunks.push(value);
    length += value.length;
    if (length > most) {
      await reader?.cancel();
      throw new Failure(new AdapterError(`an answer has more than ${most} bytes`), false);
    }
  }
  const [only] = chunks;
  if (only && chunks.length === 1) return only;
  const all = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}
