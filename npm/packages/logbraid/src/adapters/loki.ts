import { count, duration, oneOf, reader, text } from '../checks.js';
import { LokiQueryError, OptionError } from '../errors.js';
import type { KnownLabel } from '../query.js';
import type { ClockSkew, DecoderOptions, DurationInput } from '../types.js';
import type { AdapterStatus, DataSourceAdapter, StreamItem, StreamOptions } from './adapter.js';
import { lokiStream } from './loki-stream.js';
import { SERVER_OPTIONS, Server } from './server.js';
import type { ServerOptions } from './server.js';
import { specOf } from './spec.js';
import type { AdapterSpec } from './spec.js';

/** Options of a {@link LokiAdapter}. */
export interface LokiOptions extends ServerOptions {
  /**
   * What is read after the range of the query. `tail`: what comes, by a WebSocket, as it comes. `poll`: the same
   * by asking again and again. `history`: nothing, so that the source is bounded. Default: `tail` in Node and
   * Electron main; elsewhere `poll`, since without headers a WebSocket gives no structured metadata.
   */
  mode?: 'tail' | 'poll' | 'history' | undefined;
  /** How often is asked, a duration. Default `1s`. */
  pollInterval?: DurationInput | undefined;
  /**
   * How far back is asked again, after an interruption and by each poll: servers take in entries out of order.
   * What comes twice is left out. A duration; default `10s`.
   */
  overlap?: DurationInput | undefined;
  /** Entries of one answer, at most; a server that gives less says so, and is asked for that. Default 5000. */
  limit?: number | undefined;
  /** The tenant, or several as `a|b`: the header `X-Scope-OrgID`. Default: none. */
  tenant?: string | undefined;
}

const OWN = ['mode', 'pollInterval', 'overlap', 'limit', 'tenant'] as const;

/** {@link LokiOptions}, checked. */
export interface LokiSettings {
  mode: 'tail' | 'poll' | 'history';
  pollIntervalMs: number;
  overlapMs: number;
  limit: number;
}

/**
 * Reads Grafana Loki: the range of the query first, then what comes, each entry once. Selectors are LogQL log
 * queries, unchanged.
 *
 * ```js
 * engine.addAdapter('loki', new LokiAdapter({ url: 'http://localhost:3100', tenant: 'shop' }));
 * ```
 *
 * An interrupted tail, and entries that Loki says it has dropped, are healed by asking again from the last time
 * seen; `adapterReconnect` tells of the first. What cannot be read again is told by `adapterGap`. Labels are
 * those of the stream, structured metadata and what the query has parsed.
 */
export class LokiAdapter implements DataSourceAdapter {
  readonly bounded: boolean;
  readonly selects = true;
  readonly decoder: DecoderOptions = { format: 'ndjson', time: 'timestamp' };
  readonly clockSkew: ClockSkew;
  readonly #options: LokiOptions;
  readonly #server: Server;
  readonly #settings: LokiSettings;

  /** Throws an `OptionError` at an option that is unknown or wrong. */
  constructor(options: LokiOptions) {
    const read = reader<LokiOptions>(options, [...SERVER_OPTIONS, ...OWN]);
    const tenant = read('tenant', text, undefined);
    this.#server = new Server(
      tenant === undefined
        ? options
        : { ...options, headers: { ...options.headers, 'x-scope-orgid': tenant } },
      (status, told, message) =>
        status === 400 || status === 422
          ? new LokiQueryError(message, { details: { status, told } })
          : undefined,
    );
    const { hasSockets } = this.#server;
    const mode = read('mode', MODE, hasSockets ? 'tail' : 'poll');
    if (mode === 'tail' && !hasSockets) {
      throw new OptionError(
        "mode 'tail' is for Node and Electron main; browsers send no headers with a WebSocket: leave it out, or say 'poll'",
        { details: { option: 'mode', value: mode } },
      );
    }
    this.bounded = mode === 'history';
    this.clockSkew = options.clockSkew ?? 0;
    this.#options = options;
    this.#settings = {
      mode,
      pollIntervalMs: read('pollInterval', duration, 1_000),
      overlapMs: read('overlap', duration, 10_000),
      limit: read('limit', count, 5_000),
    };
  }

  spec(): AdapterSpec {
    return specOf('loki', this.#options, this.#server.streams);
  }

  getName(): string {
    return 'loki';
  }

  createStream(selector: string, options: StreamOptions): AsyncIterable<StreamItem> {
    return lokiStream(this.#server, this.#settings, selector, options);
  }

  /** Loki itself says more, when it is asked. */
  validateQuery(selector: string): boolean {
    return selector.includes('{');
  }

  /** Names of the labels that there are. */
  getAvailableStreams(): Promise<string[]> {
    return this.#server.list('/loki/api/v1/labels');
  }

  getLabels(): Promise<KnownLabel[]> {
    return this.#server.labels(
      '/loki/api/v1/labels',
      (name) => `/loki/api/v1/label/${name}/values`,
    );
  }

  status(): AdapterStatus {
    return this.#server.streams.status();
  }

  destroy(): Promise<void> {
    return this.#server.close();
  }
}

const MODE = oneOf(['tail', 'poll', 'history']);
