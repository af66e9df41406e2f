import type {
  AdapterStatus,
  DataSourceAdapter,
  StreamOptions,
  Weigh,
} from '../adapters/adapter.js';
import { checkName } from '../adapters/given.js';
import { IterableAdapter } from '../adapters/iterable.js';
import type { PushSource } from '../adapters/push.js';
import { CorrelationEngine } from '../engine.js';
import type { EngineOptions } from '../options.js';
import type { KnownLabel } from '../query.js';
import type { EngineEvents } from '../types.js';
import { InternalError } from '../errors.js';
import { every, load } from '#platform';
import type { AdapterClasses } from './adapters.js';
import { HostedRun } from './hosted.js';
import { packError, unpackError, unpackNotice } from './messages.js';
import type { Method, Reply, Request } from './messages.js';
import type { Port } from './port.js';
import { ProxiedStream } from './proxied.js';

type HostPort = Port<Reply, Request>;

/** How often the page is told how the adapters are that are read here, in milliseconds. */
const STATUS_MS = 250;

/** Makes the engine of whoever asks for one with these options. */
type MakeEngine = (options: EngineOptions) => CorrelationEngine;

/**
 * Runs an engine for whoever is at the other end of a port, with adapters of these classes. An error of
 * `makeEngine` is told there. Where `weigh` is given, objects that are sent count as held, by what it says.
 * Gives what is to be called when nobody is at the other end any more.
 */
export function serve(
  port: HostPort,
  classes: AdapterClasses,
  makeEngine: MakeEngine = (options) => new CorrelationEngine(options),
  weigh?: Weigh,
): () => void {
  let host: Host | undefined;
  port.listen((request) => {
    try {
      if (request.type === 'start') host = start(port, classes, makeEngine, weigh, request);
      else host?.take(request);
    } catch (error) {
      port.send({ type: 'failed', error: packError(error) });
    }
  });
  return () => host?.forget();
}

function start(
  port: HostPort,
  classes: AdapterClasses,
  makeEngine: MakeEngine,
  weigh: Weigh | undefined,
  { options, wasm }: Extract<Request, { type: 'start' }>,
): Host {
  const loaded = load(wasm);
  loaded.catch((error: unknown) => {
    port.send({ type: 'failed', error: packError(error) });
  });
  return new Host(port, classes, makeEngine(options), weigh, loaded);
}

class Host {
  readonly #port: HostPort;
  readonly #classes: AdapterClasses;
  readonly #engine: CorrelationEngine;
  readonly #weigh: Weigh | undefined;
  readonly #loaded: Promise<void>;
  readonly #runs = new Map<number, HostedRun>();
  readonly #streams = new Map<number, ProxiedStream>();
  /** What adapters of the page know, by their numbers. */
  readonly #labels = new Map<number, KnownLabel[]>();
  readonly #pushed = new Map<number, PushSource>();
  /** Adapters that are read here, by the numbers of those that they are made of in the page. */
  readonly #made = new Map<number, MadeAdapter>();
  #ignoreStatus: (() => void) | undefined;
  readonly #listeners = new Map<keyof EngineEvents, (...told: unknown[]) => void>();
  #lastStream = 0;

  constructor(
    port: HostPort,
    classes: AdapterClasses,
    engine: CorrelationEngine,
    weigh: Weigh | undefined,
    loaded: Promise<void>,
  ) {
    this.#port = port;
    this.#classes = classes;
    this.#engine = engine;
    this.#weigh = weigh;
    this.#loaded = loaded;
  }

  /** Nobody takes what queries have found, nor hears how adapters are. */
  forget(): void {
    this.#runs.clear();
    this.#ignoreStatus?.();
    this.#ignoreStatus = undefined;
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
      case 'addAdapter': {
        const { name, kind, args } = request;
        const made = this.#classes[kind];
        if (!made) throw new InternalError(`no source of the kind ${kind} can be read in a Worker`);
        const adapter = new made(...(args as never[]));
        this.#engine.addAdapter(name, adapter);
        this.#made.set(request.adapter, { name, adapter, told: {} });
        break;
      }
      case 'addStream':
        this.#engine.addAdapter(request.name, this.#proxy(request));
        break;
      case 'labels':
        this.#labels.set(request.adapter, request.labels);
        break;
      case 'addPush':
        // A source of the program that is pushed into is not the page's to push into.
        checkName(this.#engine.getAdapters(), request.name);
        this.#pushed.set(request.source, this.#pushSource(request.name));
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
        const ended = () => {
          this.#runs.delete(run);
          this.#tellStatus();
        };
        this.#runs.set(run, new HostedRun(run, this.#port, start, ended));
        this.#ignoreStatus ??= every(STATUS_MS, () => {
          this.#tellStatus();
        });
        break;
      }
      case 'pull':
        this.#runs.get(request.run)?.pull(request.count);
        break;
      case 'leave':
        void this.#leave(request.run);
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

  #pushSource(name: string): PushSource {
    const source = this.#engine.source(name);
    source.weigh = this.#weigh;
    return source;
  }

  async #push({ source, items }: Extract<Request, { type: 'push' }>): Promise<void> {
    const pushed = this.#pushed.get(source);
    try {
      // What cannot wait any more is told to whoever pushes next.
      const room = Promise.all(items.map(async (item) => pushed?.push(item)));
      // There may be room for much that is held all the same.
      const taken = pushed?.taken();
      await room;
      await taken;
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
      const value = await this.#call(method, args);
      this.#tellStatus();
      if (method === 'removeAdapter') this.#forgetRemoved();
      this.#port.send({ type: 'answer', call, value });
    } catch (error) {
      this.#port.send({ type: 'refused', call, error: packError(error) });
    }
  }

  async #call(method: Method, args: unknown[]): Promise<unknown> {
    if (method === 'destroyAdapter') return this.#made.get(args[0] as number)?.adapter.destroy();
    const engine = this.#engine as unknown as Record<Method, (...args: unknown[]) => unknown>;
    return engine[method](...args);
  }

  async #leave(run: number): Promise<void> {
    const left = this.#runs.get(run);
    this.#runs.delete(run);
    if (!left) return;
    await left.leave();
    this.#tellStatus();
    // Whoever counts queries waits for that; the page has forgotten it.
    this.#port.send({ type: 'ended', run, error: undefined });
  }

  /** Tells of each adapter how it is, where that has changed. */
  #tellStatus(): void {
    if (this.#runs.size === 0) {
      this.#ignoreStatus?.();
      this.#ignoreStatus = undefined;
    }
    for (const [adapter, made] of this.#made) {
      const status = made.adapter.status?.();
      if (!status || same(status, made.told)) continue;
      made.told = status;
      const { lastError, ...counters } = status;
      const packed = { ...counters, ...(lastError && { lastError: packError(lastError) }) };
      this.#port.send({ type: 'status', adapter, status: packed });
    }
  }

  #forgetRemoved(): void {
    for (const [number, { name, adapter }] of this.#made) {
      if (this.#engine.getAdapter(name) !== adapter) this.#made.delete(number);
    }
    for (const [number, source] of this.#pushed) {
      if (this.#engine.getAdapter(source.getName()) !== source) this.#pushed.delete(number);
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
      weigh: this.#weigh,
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

/** An adapter that is read here, and what has been told of it. */
interface MadeAdapter {
  name: string;
  adapter: DataSourceAdapter;
  told: Partial<AdapterStatus>;
}

function same(status: AdapterStatus, told: Partial<AdapterStatus>): boolean {
  const names = Object.keys(status) as (keyof AdapterStatus)[];
  return names.every((name) => status[name] === told[name]);
}

/** What is told of an event, as plain data. */
function plain(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([name, one]): [string, unknown] => [
    name,
    one instanceof Error ? packError(one) : one,
  ]);
  return Object.fromEntries(entries);
}
