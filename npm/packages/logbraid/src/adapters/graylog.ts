import { count, duration, oneOf, reader, secret, texts } from '../checks.js';
import { GraylogSearchError, OptionError } from '../errors.js';
import type { ClockSkew, DecoderOptions, DurationInput } from '../types.js';
import type { AdapterStatus, DataSourceAdapter, StreamItem, StreamOptions } from './adapter.js';
import { ACCEPT_JSON } from './graylog-search.js';
import type { GraylogApi } from './graylog-search.js';
import { graylogStream } from './graylog-stream.js';
import { basicAuth } from './redact.js';
import { SERVER_OPTIONS, Server } from './server.js';
import type { ServerOptions } from './server.js';
import { specOf } from './spec.js';
import type { AdapterSpec } from './spec.js';

/** Options of a {@link GraylogAdapter}. */
export interface GraylogOptions extends Omit<ServerOptions, 'token'> {
  /**
   * What is read after the range of the query. `poll`: what comes, by asking again and again. `history`: nothing,
   * so that the source is bounded. Default `poll`.
   */
  mode?: 'poll' | 'history' | undefined;
  /**
   * How Graylog is searched. `scripting`: from 5.0 on. `views`: the export of messages, from 3.3 on. `legacy`: the
   * universal search, of all versions. Default: the first of these that the server's version has.
   */
  api?: 'scripting' | 'views' | 'legacy' | undefined;
  /** IDs of the streams that are searched. Default: all that the user may read. */
  streams?: readonly string[] | undefined;
  /**
   * Fields of messages that become labels, beside `source` and `gl2_message_id`. Default: no others; with the
   * `legacy` search all.
   */
  fields?: readonly string[] | undefined;
  /** How often is asked, a duration. Default `2s`. */
  pollInterval?: DurationInput | undefined;
  /**
   * How far back is asked again by each poll: messages can be found only some time after they have come. What
   * comes twice is left out. A duration; default `10s`.
   */
  overlap?: DurationInput | undefined;
  /** Messages of one answer. Where more have the same time, up to 10,000 are asked for. Default 1000. */
  limit?: number | undefined;
  /** An access token, instead of a user and a password. */
  apiToken?: string | undefined;
  /** The ID of a session, instead of a user and a password. */
  session?: string | undefined;
}

const OWN = [
  'mode',
  'api',
  'streams',
  'fields',
  'pollInterval',
  'overlap',
  'limit',
  'apiToken',
  'session',
] as const;

const KNOWN = [...SERVER_OPTIONS.filter((name) => name !== 'token'), ...OWN];

/** {@link GraylogOptions}, checked. */
export interface GraylogSettings {
  mode: 'poll' | 'history';
  api: GraylogApi | undefined;
  streams: readonly string[];
  fields: readonly string[] | undefined;
  pollIntervalMs: number;
  overlapMs: number;
  limit: number;
}

/**
 * Reads Graylog: the range of the query first, then what comes, each message once. Selectors are queries of
 * Graylog, unchanged.
 *
 * ```js
 * engine.addAdapter('graylog', new GraylogAdapter({ url: 'http://localhost:9000', apiToken: '…' }));
 * ```
 *
 * Labels are the fields of a message. Of more than 10,000 messages of the same millisecond Graylog gives no others;
 * `adapterGap` tells of that. A search that Graylog refuses fails with a `GraylogSearchError`.
 */
export class GraylogAdapter implements DataSourceAdapter {
  readonly bounded: boolean;
  readonly selects = true;
  readonly decoder: DecoderOptions = { format: 'ndjson', time: 'timestamp' };
  readonly clockSkew: ClockSkew;
  readonly #options: GraylogOptions;
  readonly #server: Server;
  readonly #settings: GraylogSettings;

  /** Throws an `OptionError` at an option that is unknown or wrong. */
  constructor(options: GraylogOptions) {
    if ((options as { token?: unknown } | undefined)?.token !== undefined) {
      throw new OptionError('Graylog takes no bearer token: give an access token as apiToken', {
        details: { option: 'token' },
      });
    }
    const read = reader<GraylogOptions>(options, KNOWN);
    const [credential, authorization] = credentials(
      read('apiToken', secret, undefined),
      read('session', secret, undefined),
    );
    const headers = { ...options.headers, ...(authorization && { authorization }) };
    this.#server = new Server(
      { ...options, headers },
      refusal,
      credential === undefined ? [] : [credential],
    );
    const isUser = options.username !== undefined || new URL(options.url).username !== '';
    if (credential !== undefined && isUser) exclude('username');
    const mode = read('mode', MODE, 'poll');
    this.bounded = mode === 'history';
    this.clockSkew = options.clockSkew ?? 0;
    this.#options = options;
    this.#settings = {
      mode,
      api: read('api', API, undefined),
      streams: read('streams', texts, []),
      fields: read('fields', texts, undefined),
      pollIntervalMs: read('pollInterval', duration, 2_000),
      overlapMs: read('overlap', duration, 10_000),
      limit: read('limit', count, 1_000),
    };
  }

  spec(): AdapterSpec {
    return specOf('graylog', this.#options, this.#server.streams);
  }

  getName(): string {
    return 'graylog';
  }

  createStream(selector: string, options: StreamOptions): AsyncIterable<StreamItem> {
    return graylogStream(this.#server, this.#settings, selector, options);
  }

  /** Graylog itself says more, when it is asked. */
  validateQuery(selector: string): boolean {
    return selector.trim() !== '';
  }

  /** IDs of the streams that there are. */
  async getAvailableStreams(): Promise<string[]> {
    const found = (await this.#server.json('/api/streams', ACCEPT_JSON)) as {
      streams?: { id: string }[];
    };
    return (found.streams ?? []).map(({ id }) => id);
  }

  status(): AdapterStatus {
    return this.#server.streams.status();
  }

  destroy(): Promise<void> {
    return this.#server.close();
  }
}

const MODE = oneOf(['poll', 'history']);
const API = oneOf(['scripting', 'views', 'legacy']);

/** What is secret, and the header with it: Graylog takes either for a user, with a password that says which. */
function credentials(
  apiToken: string | undefined,
  session: string | undefined,
): [secret?: string, authorization?: string] {
  if (apiToken !== undefined && session !== undefined) exclude('session');
  if (apiToken !== undefined) return [apiToken, basicAuth(apiToken, 'token')];
  return session === undefined ? [] : [session, basicAuth(session, 'session')];
}

function exclude(option: string): never {
  throw new OptionError('apiToken, session and username exclude each other', {
    details: { option },
  });
}

/** Characters of what Graylog says that errors show. */
const SHOWN = 500;

/** 400 is a search that makes no sense; Graylog says why in its `ApiError`. */
function refusal(status: number, told: string, message: string): GraylogSearchError | undefined {
  if (status !== 400) return undefined;
  const details = { status, told };
  try {
    const { message: why } = JSON.parse(told) as { message?: unknown };
    if (typeof why === 'string') {
      const [answered = ''] = message.split(': {', 1);
      return new GraylogSearchError(`${answered}: ${why.slice(0, SHOWN)}`, { details });
    }
  } catch {
    // Something between here and Graylog has answered.
  }
  return new GraylogSearchError(message, { details });
}
