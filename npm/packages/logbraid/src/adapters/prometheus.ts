import type { KnownLabel } from '../query.js';
import { interval, oneOf, reader } from '../checks.js';
import { PromqlQueryError } from '../errors.js';
import type { ClockSkew, DecoderOptions, DurationInput } from '../types.js';
import type { AdapterStatus, DataSourceAdapter, StreamItem, StreamOptions } from './adapter.js';
import { prometheusStream } from './prometheus-stream.js';
import { SERVER_OPTIONS, Server } from './server.js';
import type { ServerOptions } from './server.js';
import { specOf } from './spec.js';
import type { AdapterSpec } from './spec.js';

/** Options of a {@link PrometheusAdapter}. */
export interface PrometheusOptions extends ServerOptions {
  /**
   * What is evaluated. `instant`: the query, once, at the end of the range. `range`: the query at each step of the
   * range. `poll`: the same, then at each step to come. The first two are bounded. Default `range`.
   */
  mode?: 'instant' | 'range' | 'poll' | undefined;
  /** The time between two evaluations, a duration of at least `1ms`. Default: a hundredth of the range, at least `15s`. */
  step?: DurationInput | undefined;
  /** The least time between two requests for new steps, a duration of at least `1ms`. Default: the step. */
  pollInterval?: DurationInput | undefined;
}

const OWN = ['mode', 'step', 'pollInterval'] as const;

/** {@link PrometheusOptions}, checked. */
export interface PrometheusSettings {
  mode: 'instant' | 'range' | 'poll';
  stepMs: number | undefined;
  pollIntervalMs: number | undefined;
}

/**
 * Reads samples of Prometheus: selectors are PromQL. Each sample is an event, with the labels of its series,
 * among them `__name__`, and its value as `__value__`, a number where it is finite.
 *
 * ```js
 * engine.addAdapter('prometheus', new PrometheusAdapter({ url: 'http://localhost:9090', mode: 'poll', step: '15s' }));
 * ```
 *
 * Steps are multiples of `step` since 1970, so that each is evaluated once, however often is asked. A query that is
 * wrong, or that cannot be executed, fails with a `PromqlQueryError`; a server that is not ready is asked again.
 */
export class PrometheusAdapter implements DataSourceAdapter {
  readonly bounded: boolean;
  readonly selects = true;
  readonly decoder: DecoderOptions = { format: 'ndjson', time: 'timestamp' };
  readonly clockSkew: ClockSkew;
  readonly #options: PrometheusOptions;
  readonly #server: Server;
  readonly #settings: PrometheusSettings;

  /** Throws an `OptionError` at an option that is unknown or wrong. */
  constructor(options: PrometheusOptions) {
    const read = reader<PrometheusOptions>(options, [...SERVER_OPTIONS, ...OWN]);
    this.#server = new Server(options, refusal);
    const mode = read('mode', MODE, 'range');
    this.bounded = mode !== 'poll';
    this.clockSkew = options.clockSkew ?? 0;
    this.#options = options;
    this.#settings = {
      mode,
      stepMs: read('step', interval, undefined),
      pollIntervalMs: read('pollInterval', interval, undefined),
    };
  }

  spec(): AdapterSpec {
    return specOf('prometheus', this.#options, this.#server.streams);
  }

  getName(): string {
    return 'prometheus';
  }

  createStream(selector: string, options: StreamOptions): AsyncIterable<StreamItem> {
    return prometheusStream(this.#server, this.#settings, selector, options);
  }

  /** Prometheus itself says more, when it is asked. */
  validateQuery(selector: string): boolean {
    return selector.trim() !== '';
  }

  /** Names of the metrics that there are. */
  getAvailableStreams(): Promise<string[]> {
    return this.#server.list('/api/v1/label/__name__/values');
  }

  async getLabels(): Promise<KnownLabel[]> {
    return this.#server.labels('/api/v1/labels', (name) => `/api/v1/label/${name}/values`);
  }

  status(): AdapterStatus {
    return this.#server.streams.status();
  }

  destroy(): Promise<void> {
    return this.#server.close();
  }
}

const MODE = oneOf(['instant', 'range', 'poll']);

/** 400 is a query that makes no sense, 422 one that cannot be executed. */
function refusal(status: number, told: string, message: string): PromqlQueryError | undefined {
  if (status !== 400 && status !== 422) return undefined;
  let errorType = status === 400 ? 'bad_data' : 'execution';
  try {
    ({ errorType = errorType } = JSON.parse(told) as { errorType?: string });
  } catch {
    // Something between here and Prometheus has answered.
  }
  return new PromqlQueryError(message, { details: { status, errorType } });
}
