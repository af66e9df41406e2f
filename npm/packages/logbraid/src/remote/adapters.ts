import type { DataSourceAdapter } from '../adapters/adapter.js';
import { GraylogAdapter } from '../adapters/graylog.js';
import { HttpAdapter } from '../adapters/http.js';
import { LokiAdapter } from '../adapters/loki.js';
import { PrometheusAdapter } from '../adapters/prometheus.js';
import type { AdapterKind } from '../adapters/spec.js';

/** The classes that adapters of a Worker are made of. */
export type AdapterClasses = Partial<
  Record<AdapterKind, new (...args: never[]) => DataSourceAdapter>
>;

/** Those that there are in Node and in browsers. */
export const ADAPTERS = {
  graylog: GraylogAdapter,
  http: HttpAdapter,
  loki: LokiAdapter,
  prometheus: PrometheusAdapter,
} satisfies AdapterClasses;
