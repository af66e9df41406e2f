import type {
  AdapterNotice,
  DataSourceAdapter,
  StreamItem,
  StreamOptions,
} from '../adapters/adapter.js';
import { IterableAdapter } from '../adapters/iterable.js';
import type { PushSource } from '../adapters/push.js';
import type { Correlation } from '../correlation.js';
import { CorrelationEngine } from '../engine.js';
import type { KnownLabel } from '../query.js';
import type { EngineEvents } from '../types.js';
import { load } from '#platform';
import { packError, unpackError, unpackNotice } from './messages.js';
import type { Method, Reply, Request } from './messages.js';
import { pack } from './packed.js';
import type { Port } from './port.js';

/** Correlations of one message, at most. */
const BATCH = 256;

type HostPort = Port<Reply, Request>;

/** Runs an engine for whoever is at the other end of a port. */
export function serve(port: HostPort): void {
  let host: Host | undefined;
  port.listen((request) => {
    try {
      if (request.type === 'start') host = start(port, request);
      else host?.take(request);
    } catch (error) {
      port.send({ type: 'failed', error: packError(error) });
    }
  });
}

function start(port: HostPort, { options, wasm }: Extract<Request, { type: 'start' }>): Host {
  const loaded = load(wasm);
  loaded.catch((error: unknown) => {
    port.send({ type: 'failed', error: packError(error) });
  });
  return new Host(port, new CorrelationEngine(options), loaded);
}

class Host {
  readonly #port: HostPort;
  readonly #engine: CorrelationEngine;
  readonly #loaded: Promise<void>;
  readonly #runs = new Map<number, HostedRun>();
  readonly #streams = new Map<number, ProxiedStream>();
  /** What adapters of the page know, by their numbers. */
  readonly #labels = new Map<number, KnownLabel[]>();
  readonly #pushed = new Map<number, PushSource>();
  readonly #listeners = new Map<keyof EngineEvents, (...told: unknown[]) => void>();
  #lastStream = 0;

  constructor(port: HostPort, engine: CorrelationEngine, loaded: Promise<void>) {
    this.#port = port;
    this.#engine = engine;
    this.#loaded = loaded;
  }

  take(request: Exclude<Request, { type: 'start' }>): void {
    switch (request.type) {
      case 'addBlob': {
        const { name, blob, options } = request;
        const { bounded, decoder, clockSkew } = options;
        const adapter = new IterableAdapter(blob, { ...decoder, bounded, clockSkew });
        this.#engine.addAdapter(name, adapter);
        break;
      }
      case 'addStream':
        this.#engine.addAdapter(request.name, this.#proxy(request));
        break;
      case 'labels':
        this.#labels.set(request.adapter, request.labels);
        break;
      case 'addPush':
        this.#pushed.set(request.source, this.#engine.source(request.name));
        break;
      case 'push':
        void this.#push(request);
        break;
      case 'end':
        this.#pushed.get(request.source)?.end();
        this.#pushed.delete(request.source);
        break;
      case 'listen':
        this.#listen(request.event, request.wanted);
        break;
      case 'call':
        void this.#answer(request.call, request.method, request.args);
        break;
      case 'correlate': {
        const { run, query, options } = request;
        const start = async () => {
          await this.#loaded;
          return this.#engine.correlate(query, options);
        };
        const ended = () => this.#runs.delete(run);
        this.#runs.set(run, new HostedRun(run, this.#port, start, ended));
        break;
      }
      case 'pull':
        this.#runs.get(request.run)?.pull(request.count);
        break;
      case 'leave':
        this.#runs.get(request.run)?.leave();
        this.#runs.delete(request.run);
        break;
      case 'items':
        this.#streams.get(request.stream)?.give(request.items);
        break;
      case 'notice':
        this.#streams.get(request.stream)?.tell(unpackNotice(request.notice));
        break;
      case 'finished':
        this.#streams.get(request.stream)?.finish(request.error && unpackError(request.error));
        this.#streams.delete(request.stream);
        break;
    }
  }

  async #push({ source, items }: Extract<Request, { type: 'push' }>): Promise<void> {
    const pushed = this.#pushed.get(source);
    try {
      // What cannot wait any more is told to whoever pushes next.
      await Promise.all(items.map(async (item) => pushed?.push(item)));
      this.#port.send({ type: 'room', source, error: undefined });
    } catch (error) {
      this.#port.send({ type: 'room', source, error: packError(error) });
    }
  }

  #listen(event: keyof EngineEvents, wanted: boolean): void {
    const present = this.#listeners.get(event);
    if (wanted && !present) {
      const tell = (...told: unknown[]) => {
        this.#port.send({ type: 'event', event, told: told.map(plain) });
      };
      this.#listeners.set(event, tell);
      this.#engine.on(event, tell);
    } else if (!wanted && present) {
      this.#listeners.delete(event);
      this.#engine.off(event, present);
    }
  }

  async #answer(call: number, method: Method, args: unknown[]): Promise<void> {
    try {
      // Sources come and go in the order that they were sent in, and what ends waits for nothing.
      if (method !== 'removeAdapter' && method !== 'destroy') await this.#loaded;
      const engine = this.#engine as unknown as Record<Method, (...args: unknown[]) => unknown>;
      const value: unknown = await engine[method](...args);
      this.#port.send({ type: 'answer', call, value });
    } catch (error) {
      this.#port.send({ type: 'refused', call, error: packError(error) });
    }
  }

  /** An adapter whose streams are read in the page. */
  #proxy({ name, adapter, options }: Extract<Request, { type: 'addStream' }>): DataSourceAdapter {
    const { bounded, selects, decoder, clockSkew } = options;
    return {
      bounded,
      selects,
      ...(decoder && { decoder }),
      ...(clockSkew !== undefined && { clockSkew }),
      getName: () => name,
      createStream: (selector, asked: StreamOptions) => {
        const stream = ++this.#lastStream;
        const left = () => {
          this.#streams.delete(stream);
          this.#port.send({ type: 'drop', stream });
        };
        const take = () => {
          this.#port.send({ type: 'take', stream });
        };
        const proxied = new ProxiedStream(take, left, asked.tell);
        this.#streams.set(stream, proxied);
        asked.signal.addEventListener('abort', () => void proxied.return(), { once: true });
        // Neither can be sent; there are others at the other end.
        const options = { ...asked, signal: undefined, tell: undefined };
        this.#port.send({ type: 'open', stream, name, adapter, selector, options });
        return proxied;
      },
      // The page asks its adapter when the stream is opened.
      validateQuery: () => true,
      getLabels: () => Promise.resolve(this.#labels.get(adapter) ?? []),
      destroy: () => {
        this.#labels.delete(adapter);
        return Promise.resolve();
      },
    };
  }
}

/** A stream that is read in the page: each item that is asked for is one message. */
class ProxiedStream implements AsyncIterableIterator<StreamItem, undefined> {
  readonly #ask: () => void;
  readonly #left: () => void;
  /** Told what the adapter tells. */
  readonly tell: (notice: AdapterNotice) => void;
  #items: StreamItem[] = [];
  #ended = false;
  #failure: Error | undefined;
  #asked = false;
  #reader: (() => void) | undefined;

  constructor(
    ask: () => void,
    left: () => void,
    tell: (notice: AdapterNotice) => void = () => undefined,
  ) {
    this.#ask = ask;
    this.#left = left;
    this.tell = tell;
  }

  give(items: StreamItem[]): void {
    this.#asked = false;
    this.#items.push(...items);
    this.#reader?.();
  }

  finish(error: Error | undefined): void {
    this.#ended = true;
    this.#failure = error;
    this.#reader?.();
  }

  async next(): Promise<IteratorResult<StreamItem, undefined>> {
    if (this.#items.length === 0 && !this.#ended) {
      if (!this.#asked) {
        this.#asked = true;
        this.#ask();
      }
      await new Promise<void>((resolve) => (this.#reader = resolve));
      this.#reader = undefined;
    }
    if (this.#items.length > 0) {
      // Whatever its type says, a stream gives what it likes.
      return { value: this.#items.shift(), done: false } as IteratorYieldResult<StreamItem>;
    }
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure) throw failure;
    return { value: undefined, done: true };
  }

  return(): Promise<IteratorResult<StreamItem, undefined>> {
    if (!this.#ended) {
      this.#left();
      this.finish(undefined);
    }
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

/** A query: sends as many correlations as are asked for, those that are ready together in one message. */
class HostedRun {
  readonly #run: number;
  readonly #port: HostPort;
  readonly #correlations: Promise<AsyncIterator<Correlation, undefined>>;
  readonly #ended: () => void;
  #wanted = 0;
  #pulling = false;
  #left = false;
  #batch: Correlation[] = [];
  #isFirst = true;

  constructor(
    run: number,
    port: HostPort,
    start: () => Promise<AsyncIterator<Correlation, undefined>>,
    ended: () => void,
  ) {
    this.#ended = ended;
    this.#run = run;
    this.#port = port;
    this.#correlations = start();
    this.#correlations.catch(() => undefined);
  }

  pull(count: number): void {
    this.#wanted += count;
    if (!this.#pulling) void this.#pull();
  }

  leave(): void {
    this.#left = true;
    // What it says when it is left changes nothing.
    void this.#correlations.then((run) => run.return?.()).catch(() => undefined);
  }

  async #pull(): Promise<void> {
    this.#pulling = true;
    try {
      const run = await this.#correlations;
      while (this.#wanted > 0 && !this.#left) {
        const next = run.next();
        // What is ready comes without waiting; before a wait, what there is goes out.
        const ready = await Promise.race([next, PAUSE]);
        if (ready === undefined) this.#flush();
        const { value, done } = await next;
        if (done) {
          this.#finish(undefined);
          return;
        }
        this.#wanted -= 1;
        this.#batch.push(value);
        if (this.#batch.length === BATCH) this.#flush();
      }
      this.#flush();
      this.#pulling = false;
    } catch (error) {
      this.#finish(error);
    }
  }

  #finish(failure: unknown): void {
    let error = failure;
    try {
      this.#flush();
    } catch (thrown) {
      // An engine that has stopped says nothing more of what it has found.
      error ??= thrown;
    }
    const told = error === undefined ? undefined : packError(error);
    if (!this.#left) this.#port.send({ type: 'ended', run: this.#run, error: told });
    this.#ended();
  }

  #flush(): void {
    if (this.#batch.length === 0) return;
    const batch = this.#batch;
    this.#batch = [];
    if (this.#left) return;
    const found = pack(batch, this.#isFirst);
    this.#isFirst = false;
    this.#port.send({ type: 'found', run: this.#run, found }, [found.records.buffer]);
  }
}

/** Resolved: whatever is ready comes before it. */
const PAUSE = Promise.resolve(undefined);

/** What is told of an event, as plain data. */
function plain(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([name, one]): [string, unknown] => [
    name,
    one instanceof Error ? packError(one) : one,
  ]);
  return Object.fromEntries(entries);
}
