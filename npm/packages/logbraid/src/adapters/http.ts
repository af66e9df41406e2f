import { bad, duration } from '../checks.js';
import { AdapterError, OptionError, shown } from '../errors.js';
import { MAX_DELAY_MS } from '../time.js';
import type { ClockSkew, DecoderOptions, DurationInput } from '../types.js';
import type { AdapterStatus, DataSourceAdapter, StreamItem, StreamOptions } from './adapter.js';
import { RequestFailure } from './http/connection.js';
import type { RequestSetup } from './http/connection.js';
import type { EventPosition } from './http/events.js';
import { EVENT_STREAM, ResponseReader } from './http/response.js';
import { Secrets, basicAuth, credentialsOf, redactUrl } from './redact.js';
import { Retries, sleep } from './retries.js';
import type { RetryOptions } from './retries.js';
import { specOf } from './spec.js';
import type { AdapterSpec } from './spec.js';
import { StreamSet } from './streams.js';
import type { ReadOptions } from './streams.js';
import type { TransportOptions } from './transport.js';
import { openTransport } from '#platform';

/** Options of an {@link HttpAdapter}. What of the format of its lines is not named is found out from the first. */
export interface HttpOptions extends DecoderOptions, RetryOptions, TransportOptions {
  /** `http:` or `https:`. A user and a password in it are sent as Basic authentication. */
  url: string | URL;
  /**
   * Whether the source is live: asked again when its response ends or fails, from the event after the last where
   * events have ids. Default `false`: a response is read once, to its end.
   */
  follow?: boolean | undefined;
  /**
   * What the body is: `lines`, such as NDJSON, or `sse`, Server-Sent Events, of which each is a line. Default: by the
   * content type of the response.
   */
  framing?: 'lines' | 'sse' | undefined;
  /** Sent with each request. */
  headers?: Readonly<Record<string, string>> | undefined;
  /** For Basic authentication. */
  username?: string | undefined;
  password?: string | undefined;
  /** Sent as `Authorization: Bearer …`. */
  token?: string | undefined;
  /** Longest time until a response begins, a duration above 0. Default `30s`. */
  connectTimeout?: DurationInput | undefined;
  /**
   * Longest time in which nothing comes of a response, a duration above 0; time in which the engine wants nothing does
   * not count. Default `5m`.
   */
  silenceTimeout?: DurationInput | undefined;
  /** How far the clock of the source is ahead; see {@link DataSourceAdapter.clockSkew}. Default 0. */
  clockSkew?: ClockSkew | undefined;
}

/**
 * Reads lines, or Server-Sent Events, from a URL; in Node, browsers and Workers.
 *
 * ```js
 * engine.addAdapter('app', new HttpAdapter({ url: 'https://logs.example/app.ndjson' }));
 * engine.addAdapter('edge', new HttpAdapter({ url: 'https://logs.example/events', follow: true, token }));
 * ```
 *
 * What fails before anything has come is tried again, at once up to 250 ms later and then up to twice as long each
 * time (`baseDelay`, `maxDelay`), no earlier than a `Retry-After` or the `retry:` of an event stream says, `maxRetries`
 * times in a row. So is, with `follow`, what fails or ends later: then the engine emits `adapterReconnect`, and
 * `adapterGap` where nothing says which lines came meanwhile. An answer of 4xx is final, but for 408, 425 and 429; with
 * `follow` one of 204 ends the source.
 *
 * Where it fails for good, an `AdapterError` has the URL without what is secret in it, the status (`details.status`) and
 * the first 200 characters of the body. `OptionError` for options that make no sense.
 */
export class HttpAdapter implements DataSourceAdapter {
  readonly bounded: boolean;
  readonly selects = false;
  readonly decoder: DecoderOptions;
  readonly clockSkew: ClockSkew;
  readonly #options: HttpOptions;
  readonly #setup: RequestSetup;
  readonly #retry: RetryOptions;
  readonly #framing: 'lines' | 'sse' | undefined;
  readonly #follows: boolean;
  readonly #streams = new StreamSet();

  constructor(options: HttpOptions) {
    const { url, follow = false, framing, headers, token, username, password, ...more } = options;
    const { connectTimeout, silenceTimeout, clockSkew = 0, proxy, ca, ...rest } = more;
    const { maxRetries, baseDelay, maxDelay, random, ...decoder } = rest;
    this.#retry = { maxRetries, baseDelay, maxDelay, random };
    // Told at once, as is all that makes no sense.
    new Retries(this.#retry);
    if (framing !== undefined && !['lines', 'sse'].includes(framing)) {
      bad('framing', framing, 'lines or sse');
    }
    const target = readUrl(url);
    const own = credentialsOf('url', target);
    const sent = readHeaders(headers, token, username ?? own.username, password ?? own.password);
    const secrets = new Secrets(target, sent.entries());
    for (const secret of [token, username, password]) secrets.add(secret ?? '');
    // Requests are not made of URLs that have them.
    target.username = target.password = '';
    this.#setup = {
      url: target,
      headers: sent,
      secrets,
      connectMs: readTimeout('connectTimeout', connectTimeout, 30_000),
      idleMs: readTimeout('silenceTimeout', silenceTimeout, 300_000),
      transport: openTransport({ proxy, ca }),
    };
    this.#framing = framing;
    this.#follows = follow;
    this.bounded = !follow;
    this.clockSkew = clockSkew;
    this.decoder = decoder;
    this.#options = options;
  }

  spec(): AdapterSpec {
    return specOf('http', this.#options, this.#streams);
  }

  getName(): string {
    return 'http';
  }

  createStream(_selector: string, options: StreamOptions): AsyncIterable<StreamItem> {
    return this.#streams.open(options, (given) => this.#read(given));
  }

  validateQuery(): boolean {
    return true;
  }

  /** How its streams are. Events are counted where they are Server-Sent Events; lines are the engine's. */
  status(): AdapterStatus {
    return this.#streams.status();
  }

  async destroy(): Promise<void> {
    await this.#streams.close();
    await this.#setup.transport.close();
  }

  async *#read({ signal, tell }: ReadOptions): AsyncGenerator<StreamItem> {
    const { counters } = this.#streams;
    const retries = new Retries(this.#retry);
    const position: EventPosition = { lastId: '', retryMs: 0 };
    /** When it was broken off, where what came after that may be missing. */
    let lostAt: string | undefined;
    tell({ type: 'history' });
    for (;;) {
      counters.state = 'connecting';
      const onBytes = (bytes: number) => {
        retries.reset();
        counters.bytes += bytes;
        counters.state = this.#follows ? 'live' : 'history';
        if (lostAt === undefined) return;
        const reason = `${redactUrl(this.#setup.url)} has no ids to go on from`;
        tell({ type: 'gap', from: lostAt, to: new Date().toISOString(), reason });
        lostAt = undefined;
      };
      const onOpen = () => {
        tell({ type: 'live' });
      };
      const response = new ResponseReader(this.#setup, this.#framing, position, {
        onOpen,
        onBytes,
        onEvents: (events) => {
          counters.events += events;
        },
      });
      let failure: RequestFailure;
      try {
        counters.requests += 1;
        yield* response.read(signal);
        if (!this.#follows || response.isLast) return;
        failure = ended(this.#setup.url);
      } catch (error) {
        if (signal.aborted || !(error instanceof RequestFailure)) throw error;
        if (error.isFinal || (!this.#follows && response.hasBegun)) throw error.error;
        failure = error;
      }
      const { error } = failure;
      const delayMs = retries.next(Math.max(failure.retryAfterMs, position.retryMs));
      if (delayMs === undefined) throw givenUp(error, retries.attempt);
      if (response.hasBegun && position.lastId === '') lostAt ??= new Date().toISOString();
      tell({ type: 'reconnect', attempt: retries.attempt, delayMs, error });
      await sleep(delayMs, signal);
      if (signal.aborted) return;
    }
  }
}

/** What interrupts a live source whose server has no more to say. */
function ended(url: URL): RequestFailure {
  return new RequestFailure(new AdapterError(`${redactUrl(url)}: the response has ended`));
}

function givenUp(error: AdapterError, retries: number): AdapterError {
  if (retries === 0) return error;
  const { message, details, cause } = error;
  const times = retries === 1 ? 'once' : `${retries} times`;
  return new AdapterError(`${message}; tried again ${times}`, { details, cause });
}

function readUrl(given: unknown): URL {
  // What is wrong with it may be that it is a secret.
  const text = given instanceof URL ? given.href : given;
  if (typeof text !== 'string' || !URL.canParse(text)) throw wrongUrl('a URL');
  const url = new URL(text);
  if (!/^https?:$/.test(url.protocol)) throw wrongUrl('one of http: or https:');
  return url;
}

function wrongUrl(expected: string): OptionError {
  return new OptionError(`url must be ${expected}`, { details: { option: 'url' } });
}

function readHeaders(
  given: Readonly<Record<string, string>> = {},
  token: string | undefined,
  username: string,
  password: string,
): Headers {
  const headers = new Headers({ accept: `application/x-ndjson, ${EVENT_STREAM}, */*;q=0.5` });
  const add = (option: string, name: string, value: string) => {
    try {
      headers.set(name, value);
    } catch {
      // Not as a cause: it tells the value.
      const message = `${option} cannot be sent: the header ${shown(name)}, or its value, is none`;
      throw new OptionError(message, { details: { option } });
    }
  };
  for (const [name, value] of Object.entries(given)) add('headers', name, value);
  if (token !== undefined && username !== '') {
    throw new OptionError('token and username exclude each other', {
      details: { option: 'token' },
    });
  }
  if (token !== undefined) add('token', 'authorization', `Bearer ${token}`);
  if (username !== '') add('username', 'authorization', basicAuth(username, password));
  return headers;
}

function readTimeout(option: string, value: DurationInput | undefined, fallback: number): number {
  const millis = value === undefined ? fallback : duration(option, value);
  if (millis === 0) bad(option, value, 'a duration above 0');
  return Math.min(millis, MAX_DELAY_MS);
}
