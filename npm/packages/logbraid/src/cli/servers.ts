import type { DataSourceAdapter } from '../adapters/adapter.js';
import { GraylogAdapter } from '../adapters/graylog.js';
import { HttpAdapter } from '../adapters/http.js';
import { LokiAdapter } from '../adapters/loki.js';
import { PrometheusAdapter } from '../adapters/prometheus.js';
import { UsageError } from './failure.js';

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
} satisfies Record<string, (options: ServerOptions, follow: boolean) => DataSourceAdapter>;

/** What kinds of server there are. */
export type ServerKind = keyof typeof SERVERS;

/** One `--loki` and the like. */
export interface ServerArgument {
  kind: ServerKind;
  name: string;
  url: string;
}

/** Reads `NAME=URL` and adds it to those before. */
export function parseServer(
  kind: ServerKind,
  argument: string,
  before: readonly ServerArgument[] = [],
): ServerArgument[] {
  const [, name = '', url = ''] =
    /^([A-Za-z_][A-Za-z0-9_]*)=(https?:\/\/.+)$/s.exec(argument) ?? [];
  if (url === '') {
    // Not the argument: what stands in it may be secret.
    throw new UsageError(`--${kind}: expected NAME=URL, such as app=https://${kind}.example`);
  }
  if (before.some((other) => other.name === name)) {
    throw new UsageError(`--${kind} ${name} is given twice`);
  }
  return [...before, { kind, name, url }];
}
