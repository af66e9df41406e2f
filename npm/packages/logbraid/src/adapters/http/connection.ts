import { AdapterError } from '../../errors.js';
import { formatDuration } from '../../time.js';
import { redactUrl } from '../redact.js';
import type { Secrets } from '../redact.js';
import { isTransient, retryAfter } from '../retries.js';
import type { Transport, TransportResponse } from '../transport.js';

/** Characters of a body that are told. */
const SHOWN = 200;

/** What a request is made of. */
export interface RequestSetup {
  url: URL;
  headers: Headers;
  secrets: Secrets;
  /** Longest time until a response begins, and until more of it comes. */
  connectMs: number;
  idleMs: number;
  transport: Transport;
}

/** A request that has failed: whether another may go well, and how long to wait before. */
export class RequestFailure extends Error {
  readonly error: AdapterError;
  readonly isFinal: boolean;
  readonly retryAfterMs: number;

  constructor(error: AdapterError, isFinal = false, retryAfterMs = 0) {
    super(error.message);
    this.error = error;
    this.isFinal = isFinal;
    this.retryAfterMs = retryAfterMs;
  }
}

/** A response that is read piece by piece, each within a time. Whatever fails is a {@link RequestFailure}. */
export class Connection {
  readonly response: TransportResponse;
  readonly #setup: RequestSetup;
  readonly #abort: AbortController;
  readonly #leave: () => void;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;

  private constructor(
    setup: RequestSetup,
    response: TransportResponse,
    abort: AbortController,
    leave: () => void,
  ) {
    this.#setup = setup;
    this.response = response;
    this.#abort = abort;
    this.#leave = leave;
    this.#reader = response.body?.getReader();
  }

  /** Makes a request, and waits for its response to begin. Its signal ends it at any time. */
  static async open(setup: RequestSetup, signal: AbortSignal): Promise<Connection> {
    const abort = new AbortController();
    const end = () => {
      abort.abort(signal.reason);
    };
    const leave = () => {
      signal.removeEventListener('abort', end);
    };
    signal.addEventListener('abort', end);
    if (signal.aborted) end();
    const { url, headers, connectMs } = setup;
    let response: TransportResponse;
    try {
      const request = setup.transport.fetch(url.href, {
        method: 'GET',
        headers: Object.fromEntries(headers),
        signal: abort.signal,
      });
      response = await within(request, connectMs, abort, 'did not answer');
    } catch (error) {
      leave();
      throw failureOf(setup, error);
    }
    const connection = new Connection(setup, response, abort, leave);
    if (!response.ok) throw await connection.#refused();
    return connection;
  }

  /** What comes next; `undefined` at the end. */
  async read(): Promise<Uint8Array | undefined> {
    if (!this.#reader) return undefined;
    try {
      const { idleMs } = this.#setup;
      const next = await within(this.#reader.read(), idleMs, this.#abort, 'sent nothing');
      return next.value;
    } catch (error) {
      throw failureOf(this.#setup, error);
    }
  }

  /** Closes it, wherever it is. */
  close(): void {
    this.#leave();
    this.#abort.abort();
    // It has ended, or failed, with the line above.
    this.#reader?.cancel().catch(() => undefined);
  }

  async #refused(): Promise<RequestFailure> {
    const { url, secrets } = this.#setup;
    const { status, statusText, headers } = this.response;
    const told = await this.#beginning();
    this.close();
    const what = [`${status} ${statusText}`.trim(), told].filter(Boolean).join(': ');
    const error = new AdapterError(secrets.hide(`${redactUrl(url)}: ${what}`), {
      details: { url: redactUrl(url), status },
    });
    return new RequestFailure(error, !isTransient(status), retryAfter(headers.get('retry-after')));
  }

  /** The beginning of a body that says what is wrong. */
  async #beginning(): Promise<string> {
    const decoder = new TextDecoder();
    let text = '';
    try {
      while (text.length < SHOWN * 2) {
        const block = await this.read();
        if (!block) break;
        text += decoder.decode(block, { stream: true });
      }
    } catch {
      // The status says enough.
    }
    // Before it is cut, which may leave a part of a secret.
    return this.#setup.secrets.hide(text).trim().slice(0, SHOWN);
  }
}

/** What a promise gives in time; then the request is left, with an error that says what did not come. */
async function within<T>(
  promise: Promise<T>,
  millis: number,
  abort: AbortController,
  what: string,
): Promise<T> {
  const timer = setTimeout(() => {
    abort.abort(new Error(`${what} for ${formatDuration(millis)}`));
  }, millis);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
  }
}

function failureOf({ url, secrets }: RequestSetup, thrown: unknown): RequestFailure {
  const shown = redactUrl(url);
  return new RequestFailure(
    new AdapterError(`${shown}: ${secrets.reason(thrown)}`, {
      cause: secrets.cause(thrown),
      details: { url: shown },
    }),
  );
}
