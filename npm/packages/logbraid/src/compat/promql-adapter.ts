import { PrometheusAdapter } from '../adapters/prometheus.js';
import type { DurationInput } from '../types.js';
import { proxyUrl } from './proxy.js';
import type { ProxyOptions } from './proxy.js';

/** Options of a {@link PromQLAdapter}. */
export interface PromQLAdapterOptions {
  url: string;
  username?: string;
  password?: string;
  /** Sent as `Authorization: Bearer …`. */
  apiToken?: string;
  /** Milliseconds; absent: the range of the query, once. */
  pollInterval?: DurationInput;
  /** Milliseconds. Default 30000. */
  timeout?: DurationInput;
  /** Failures in a row that are followed by another attempt. Default 3. */
  maxRetries?: number;
  headers?: Record<string, string>;
  /** A SOCKS proxy. Default: none. */
  proxy?: ProxyOptions;
}

/** Reads samples of Prometheus; as `PrometheusAdapter` of `logbraid/prometheus`, with the options of log-correlator. */
export class PromQLAdapter extends PrometheusAdapter {
  constructor({ apiToken, pollInterval, proxy, maxRetries = 3, ...options }: PromQLAdapterOptions) {
    super({
      ...options,
      maxRetries,
      mode: pollInterval === undefined ? 'range' : 'poll',
      ...(pollInterval !== undefined && { pollInterval }),
      ...(apiToken !== undefined && { token: apiToken }),
      ...(proxy && { proxy: proxyUrl(proxy) }),
    });
  }

  /** Names of metrics; none where they cannot be had. */
  override getAvailableStreams(): Promise<string[]> {
    return super.getAvailableStreams().catch(() => []);
  }
}
