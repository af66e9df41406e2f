import { GraylogAdapter as Graylog } from '../adapters/graylog.js';
import type { DurationInput } from '../types.js';
import { proxyUrl } from './proxy.js';
import type { ProxyOptions } from './proxy.js';

/** Options of a {@link GraylogAdapter}. */
export interface GraylogAdapterOptions {
  url: string;
  username?: string;
  password?: string;
  /** An access token, instead of a user and a password. */
  apiToken?: string;
  /** `legacy` searches by the universal search, `v6` by views. Default: what the server's version has. */
  apiVersion?: 'legacy' | 'v6';
  /** Milliseconds. Default 2000. */
  pollInterval?: DurationInput;
  /** Milliseconds. Default 15000. */
  timeout?: DurationInput;
  /** Failures in a row that are followed by another attempt. Default 3. */
  maxRetries?: number;
  /** The stream that is searched. Default: all. */
  streamId?: string;
  /** Fields of messages that become labels; see `GraylogOptions` of `logbraid/graylog`. */
  fields?: readonly string[];
  /** A SOCKS proxy. Default: none. */
  proxy?: ProxyOptions;
}

/** Reads Graylog; as `GraylogAdapter` of `logbraid/graylog`, with the options of log-correlator. */
export class GraylogAdapter extends Graylog {
  constructor({
    apiVersion,
    streamId,
    proxy,
    timeout = 15_000,
    maxRetries = 3,
    ...options
  }: GraylogAdapterOptions) {
    super({
      ...options,
      timeout,
      maxRetries,
      ...(apiVersion && { api: apiVersion === 'legacy' ? 'legacy' : 'views' }),
      ...(streamId !== undefined && { streams: [streamId] }),
      ...(proxy && { proxy: proxyUrl(proxy) }),
    });
  }

  /** IDs of streams; none where they cannot be had. */
  override getAvailableStreams(): Promise<string[]> {
    return super.getAvailableStreams().catch(() => []);
  }
}
