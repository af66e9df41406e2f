import { LokiAdapter as Loki } from '../adapters/loki.js';
import type { DurationInput } from '../types.js';
import { proxyUrl } from './proxy.js';
import type { ProxyOptions } from './proxy.js';

/** Options of a {@link LokiAdapter}. */
export interface LokiAdapterOptions {
  url: string;
  /**
   * Whether what comes is read by a WebSocket, or by asking again and again. Default `true`, but in browsers, which send
   * no headers with a WebSocket.
   */
  websocket?: boolean;
  /** Milliseconds. Default 1000. */
  pollInterval?: DurationInput;
  /** Milliseconds. Default 30000. */
  timeout?: DurationInput;
  /** Failures in a row that are followed by another attempt. Default 3. */
  maxRetries?: number;
  /** Sent as `Authorization: Bearer …`. */
  authToken?: string;
  headers?: Record<string, string>;
  /** A SOCKS proxy. Default: none. */
  proxy?: ProxyOptions;
}

/** Reads Grafana Loki; as `LokiAdapter` of `logbraid/loki`, with the options of log-correlator. */
export class LokiAdapter extends Loki {
  constructor({
    websocket = true,
    authToken,
    proxy,
    maxRetries = 3,
    ...options
  }: LokiAdapterOptions) {
    super({
      ...options,
      maxRetries,
      ...(!websocket && { mode: 'poll' }),
      ...(authToken !== undefined && { token: authToken }),
      ...(proxy && { proxy: proxyUrl(proxy) }),
    });
  }

  /** Names of labels; none where they cannot be had. */
  override getAvailableStreams(): Promise<string[]> {
    return super.getAvailableStreams().catch(() => []);
  }
}
