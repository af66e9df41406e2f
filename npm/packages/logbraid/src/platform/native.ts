import type {
  Backend,
  CheckOptions,
  CorrelatorOptions,
  NativeCorrelator,
  NativeInspector,
  NativeResponseReader,
  RawDecoderOptions,
  RawMetrics,
  ResponseOptions,
} from '../backend.js';
import loadAddon from './addon.cjs';
import { platformName } from './platform-name.js';

/** What the addon exports: options and counters cross as JSON, everything else is as in {@link Backend}. */
export interface Addon extends Omit<
  Backend,
  'kind' | 'check' | 'render' | 'explain' | 'Inspector' | 'ResponseReader' | 'Correlator'
> {
  check(query: string, optionsJson: string): string;
  render(query: string, optionsJson: string, color: boolean): string;
  explain(query: string, optionsJson: string, loadJson: string): string;
  Inspector: new (optionsJson: string) => NativeInspector;
  ResponseReader: new (optionsJson: string) => NativeResponseReader;
  Correlator: new (
    query: string,
    optionsJson: string,
    threads?: number,
    wake?: () => void,
  ) => Omit<NativeCorrelator, 'metrics'> & { metrics(): string };
}

/** The native addon. Throws whatever keeps it from being loaded. */
export function nativeBackend(): Backend {
  const addon = loadAddon(platformName()) as Addon;
  const { parse, format, complete, highlight, hover } = addon;

  class Inspector extends addon.Inspector {
    constructor(options: RawDecoderOptions) {
      super(JSON.stringify(options));
    }
  }

  class ResponseReader extends addon.ResponseReader {
    constructor(options: ResponseOptions) {
      super(JSON.stringify(options));
    }
  }

  class Correlator extends (addon.Correlator as unknown as Constructor) {
    constructor(
      query: string,
      options: Partial<CorrelatorOptions>,
      threads?: number,
      wake?: () => void,
    ) {
      super(query, JSON.stringify(options), threads, wake);
    }

    override metrics(): RawMetrics {
      return JSON.parse(super.metrics() as unknown as string) as RawMetrics;
    }
  }

  return {
    kind: 'native',
    parse,
    format,
    complete,
    highlight,
    hover,
    check: (query: string, options: CheckOptions) => addon.check(query, JSON.stringify(options)),
    render: (query, options, color) => addon.render(query, JSON.stringify(options), color),
    explain: (query, options, loadJson) => addon.explain(query, JSON.stringify(options), loadJson),
    Inspector,
    ResponseReader,
    Correlator,
  };
}

type Constructor = new (
  query: string,
  optionsJson: string,
  threads?: number,
  wake?: () => void,
) => NativeCorrelator;
