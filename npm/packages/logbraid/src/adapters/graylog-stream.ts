import type { ResponseContent } from '../backend.js';
import { AdapterError } from '../errors.js';
import { rfc3339 } from '../time.js';
import type { EncodedChunk } from '../types.js';
import type { StreamOptions } from './adapter.js';
import { Cursor, chunkOf, nanos } from './cursor.js';
import type { GraylogSettings } from './graylog.js';
import { ACCEPT_JSON, searchOf } from './graylog-search.js';
import type { GraylogApi, Times } from './graylog-search.js';
import { sleep } from './retries.js';
import { Attempts, Failure } from './server.js';
import type { Server } from './server.js';
import type { ReadOptions } from './streams.js';

/** Producers may have a clock that is ahead of the server's. */
const AHEAD_MS = 600_000;

/** Elasticsearch and OpenSearch find no more at once, unless they are told otherwise. */
const RESULT_WINDOW = 10_000;

type Chunks = AsyncGenerator<EncodedChunk, undefined, undefined>;

/** Reads a query: its range, then what comes. */
export function graylogStream(
  server: Server,
  settings: GraylogSettings,
  selector: string,
  options: StreamOptions,
): Chunks {
  return server.stream(options, async function* (given) {
    const api = settings.api ?? (await newestApi(server, given));
    yield* new GraylogStream(server, { ...settings, api }, selector, given).read();
  });
}

/** All times are milliseconds since the epoch, as Graylog keeps them. */
class GraylogStream {
  readonly #server: Server;
  readonly #settings: GraylogSettings & { api: GraylogApi };
  readonly #selector: string;
  readonly #options: ReadOptions;
  readonly #cursor: Cursor;
  readonly #requests: Attempts;
  /** Messages of one answer, and of one where more have the same time; less where the server finds less at once. */
  #limit: number;
  #most: number;
  /** Whether messages of the end of a search are among those that it finds; that depends on what is behind Graylog. */
  #findsEnd = false;

  constructor(
    server: Server,
    settings: GraylogSettings & { api: GraylogApi },
    selector: string,
    options: ReadOptions,
  ) {
    this.#server = server;
    this.#settings = settings;
    this.#selector = selector;
    this.#options = options;
    this.#limit = settings.limit;
    this.#most = Math.max(settings.limit, RESULT_WINDOW);
    const format = settings.api === 'views' ? 'graylog-csv' : 'graylog';
    this.#cursor = new Cursor(server, format, nanos(this.#start), settings.overlapMs);
    this.#requests = new Attempts(server, options);
  }

  async *read(): Chunks {
    const { start, end, range, tell } = this.#options;
    tell({ type: 'history' });
    if (start || end) {
      yield* this.#catchUp(this.#start);
    } else {
      yield* this.#catchUp(0, Math.max(1, Math.ceil(range / 1000)));
    }
    if (this.#settings.mode === 'history') return;
    const { signal } = this.#options;
    while (!this.#isOver()) {
      tell({ type: 'live' });
      await sleep(this.#settings.pollIntervalMs, signal);
      signal.throwIfAborted();
      yield* this.#catchUp(millis(this.#cursor.resume));
    }
  }

  get #start(): number {
    const { start, range } = this.#options;
    return start?.getTime() ?? this.#server.now() - range;
  }

  get #end(): number {
    const soon = this.#server.now() + AHEAD_MS;
    return Math.floor(Math.min(this.#options.end?.getTime() ?? soon, soon));
  }

  /** Whether nothing comes any more that was asked for, not even late. */
  #isOver(): boolean {
    const { end } = this.#options;
    return end !== undefined && this.#server.now() > end.getTime() + this.#settings.overlapMs;
  }

  /** All there is from a time on, or of the last seconds. */
  async *#catchUp(from: number, seconds?: number): Chunks {
    const begun = performance.now();
    yield* this.#settings.api === 'views' ? this.#spans(from, seconds) : this.#pages(from, seconds);
    // The clock of the server is known only after its first answer.
    if (seconds !== undefined) this.#cursor.startAt(nanos(this.#start));
    this.#cursor.reached(nanos(this.#server.now() - (performance.now() - begun)));
  }

  /** Page by page, each from the time of the last message on: others may have the same. */
  async *#pages(from: number, seconds?: number): Chunks {
    let times = seconds === undefined ? this.#times(from, this.#end) : { seconds };
    let isCrowd = false;
    while ('seconds' in times || from <= this.#end) {
      const page = await this.#page(times, isCrowd);
      yield* chunkOf(page);
      if (page.entries < this.#limitOf(isCrowd) || page.last === undefined) return;
      const last = millis(page.last);
      if ('seconds' in times || last > from) {
        from = last;
        isCrowd = false;
      } else if (!isCrowd) {
        // Not by offset, which some versions ignore.
        isCrowd = true;
      } else {
        this.#gap(from);
        from += 1;
        isCrowd = false;
      }
      times = this.#times(from, this.#end);
    }
  }

  /**
   * Span by span of time, for an export begins with the newest: what has more than the limit is asked for in
   * shorter spans, so that the oldest come first.
   */
  async *#spans(from: number, seconds?: number): Chunks {
    let end = this.#end;
    let to = end;
    let isLarge = false;
    while (from <= end) {
      const times = seconds === undefined ? this.#times(from, to) : { seconds };
      const { body, what, content } = await this.#export(times, isLarge);
      const { entries, first, last } = content;
      const limit = this.#limitOf(isLarge);
      if (entries >= limit) {
        if (seconds !== undefined) {
          seconds = undefined;
          from = Math.floor(this.#start);
          to = end = this.#end;
          isLarge = true;
          continue;
        }
        if (!isLarge) {
          isLarge = true;
          continue;
        }
        if (!this.#findsEnd && last !== undefined && millis(last) > to) {
          this.#findsEnd = true;
          continue;
        }
        if (to > from) {
          const oldest = first === undefined ? to : Math.min(millis(first), to);
          to = from + Math.floor((oldest - from) / 2);
          continue;
        }
      }
      yield* chunkOf(this.#cursor.take(body, what));
      if (seconds !== undefined) return;
      if (entries >= limit) this.#gap(from);
      const width = (to - from + 1) * (entries < limit / 2 ? 2 : 1);
      from = to + 1;
      to = Math.min(end, to + width);
    }
  }

  /** From a time to the end of another. */
  #times(from: number, to: number): Times {
    return { from, to: this.#findsEnd ? to : to + 1 };
  }

  #limitOf(isMost: boolean): number {
    return isMost ? this.#most : this.#limit;
  }

  async #page(times: Times, isMost: boolean): Promise<ResponseContent> {
    return this.#requests.until(async () => {
      const { body, what } = await this.#search(times, isMost);
      return this.#cursor.take(body, what);
    });
  }

  /** An export that is not taken yet. */
  async #export(times: Times, isMost: boolean) {
    return this.#requests.until(async () => {
      const { body, what } = await this.#search(times, isMost);
      if (!isWhole(body)) {
        throw new Failure(new AdapterError(`${what}: the CSV ends inside a line`), true);
      }
      return { body, what, content: this.#cursor.peek(body, what) };
    });
  }

  async #search(times: Times, isMost: boolean): Promise<{ body: Uint8Array; what: string }> {
    const { api, streams, fields } = this.#settings;
    const { signal } = this.#options;
    for (;;) {
      const limit = this.#limitOf(isMost);
      const search = { query: this.#selector, times, limit, streams, fields };
      const { path, ...request } = searchOf(api, search);
      try {
        const body = await this.#server.request(path, { ...request, signal });
        return { body, what: `${request.method ?? 'GET'} ${path}` };
      } catch (thrown) {
        const found = resultWindow(thrown);
        if (found === undefined || found >= limit) throw thrown;
        this.#most = found;
        this.#limit = Math.min(this.#limit, found);
      }
    }
  }

  #gap(time: number): void {
    const at = rfc3339(nanos(time));
    const reason = `at least ${this.#most} messages have the same time, and Graylog gives no more of them`;
    this.#options.tell({ type: 'gap', from: at, to: at, reason });
  }
}

/** The best way to search that the version of a server has. */
async function newestApi(server: Server, options: ReadOptions): Promise<GraylogApi> {
  const { signal } = options;
  const [major, minor] = await new Attempts(server, options).until(async () => {
    const body = await server.request('/api/', { headers: ACCEPT_JSON, signal });
    return versionIn(new TextDecoder().decode(body));
  });
  if (major >= 5) return 'scripting';
  return major > 3 || (major === 3 && minor >= 3) ? 'views' : 'legacy';
}

function versionIn(body: string): [major: number, minor: number] {
  const [, major, minor] = /"version"\s*:\s*"v?(\d+)\.(\d+)/.exec(body) ?? [];
  if (major !== undefined && minor !== undefined) return [Number(major), Number(minor)];
  const message = 'GET /api/ tells no version of Graylog; the option `api` makes it unnecessary';
  throw new Failure(new AdapterError(message), true);
}

/** How many messages are found at once, where a server refuses to find more. */
function resultWindow(thrown: unknown): number | undefined {
  if (!(thrown instanceof Failure)) return undefined;
  const [, most] = /Result window is too large.*?\[(\d+)\]/.exec(thrown.error.message) ?? [];
  return most === undefined ? undefined : Number(most) || undefined;
}

const QUOTE = 0x22;
const NEWLINE = 0x0a;

/** Whether CSV ends where a line does; there may be none. */
function isWhole(csv: Uint8Array): boolean {
  if (csv.length === 0) return true;
  let isQuoted = false;
  for (const byte of csv) if (byte === QUOTE) isQuoted = !isQuoted;
  return !isQuoted && csv.at(-1) === NEWLINE;
}

function millis(time: bigint): number {
  return Number(time / 1_000_000n);
}
