// How adapters reach a server: what a platform has for it, without retries and without meaning.

/** What an adapter may be given to reach its server. */
export interface TransportOptions {
  /**
   * A proxy, as URL: `http://proxy:3128`, `socks5://user:password@proxy:1080`, `socks4://…`. In Node and Electron main
   * only; browsers have their own. Default: none.
   */
  proxy?: string | URL | undefined;
  /**
   * Certificates in PEM that are trusted beside nothing else, for servers whose certificate no public authority has
   * signed; in Node and Electron main only. Default: those of Node.
   */
  ca?: string | readonly string[] | undefined;
}

/** A request, as `fetch` takes it. */
export interface TransportRequest {
  method: string;
  headers: Readonly<Record<string, string>>;
  body?: string | undefined;
  signal: AbortSignal;
}

/** An answer, as `fetch` gives it. */
export interface TransportResponse {
  ok: boolean;
  status: number;
  statusText: string;
  headers: { get(name: string): string | null };
  body: ReadableStream<Uint8Array> | null;
}

/** Messages of a WebSocket. Few wait here: whoever does not take them slows the server down. */
export interface Frames extends AsyncIterableIterator<Uint8Array, undefined> {
  /** Ends it at once, without waiting for the other end. */
  close(): void;
}

/** How a WebSocket ended, or why it was not opened. */
export class SocketError extends Error {
  override name = 'SocketError';
  /** The answer of a server that refused it. */
  readonly refused: { status: number; body: string; retryAfter: string | undefined } | undefined;
  /** The code that it was closed with. */
  readonly code: number | undefined;

  constructor(
    message: string,
    {
      refused,
      code,
      cause,
    }: {
      refused?: { status: number; body: string; retryAfter: string | undefined };
      code?: number;
      cause?: unknown;
    } = {},
  ) {
    super(message, cause === undefined ? undefined : { cause });
    this.refused = refused;
    this.code = code;
  }
}

/** What a platform has. */
export interface Transport {
  fetch(url: string, request: TransportRequest): Promise<TransportResponse>;
  /**
   * Opens a WebSocket. One that says nothing, not even a ping, for `idleMs` fails. Absent where no headers can be
   * sent with it. Throws a {@link SocketError}.
   */
  connect?(
    url: string,
    request: { headers: Readonly<Record<string, string>>; idleMs: number; signal: AbortSignal },
  ): Promise<Frames>;
  /** Closes what is kept alive. */
  close(): Promise<void>;
}
