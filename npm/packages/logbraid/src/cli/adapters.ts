// The adapters that the command line reads from.
import type { DataSourceAdapter } from '../adapters/adapter.js';
import { FileAdapter } from '../adapters/file.js';
import { GraylogAdapter } from '../adapters/graylog.js';
import { HttpAdapter } from '../adapters/http.js';
import { LokiAdapter } from '../adapters/loki.js';
import { PrometheusAdapter } from '../adapters/prometheus.js';
import type { FileArgument, ServerKind } from './arguments.js';

/** The adapter of a `--file`. */
export function adapterOf({ path, decoder }: FileArgument, follow = false): FileAdapter {
  return new FileAdapter(path, { ...decoder, follow });
}

/** Options of an adapter, as a configuration file has them. */
export type ServerOptions = Record<string, unknown>;

/**
 * By kind: an adapter of these options. It is read to its end, unless it is followed.
 */
export const SERVERS = {
  http: (options: ServerOptions, follow: boolean) =>
    new HttpAdapter({ follow, ...options } as never),
  loki: (options: ServerOptions, follow: boolean) =>
    new LokiAdapter({ ...(!follow && { mode: 'history' }), ...options } as never),
  graylog: (options: ServerOptions, follow: boolean) =>
    new GraylogAdapter({ mode: follow ? 'poll' : 'history', ...options } as never),
  prometheus: (options: ServerOptions, follow: boolean) =>
    new PrometheusAdapter({ mode: follow ? 'poll' : 'range', ...options } as never),
} satisfies Record<ServerKind, (options: ServerOptions, follow: boolean) => DataSourceAdapter>;
