import type { DataSourceAdapter } from '../adapters/adapter.js';
import type { EventIterable } from '../adapters/iterable.js';
import { IterableAdapter } from '../adapters/iterable.js';
import { checkName, toAdapter } from '../adapters/given.js';
import { queryText } from '../builder/index.js';
import type { QueryInput } from '../builder/index.js';
import type { Correlation } from '../correlation.js';
import { EngineDestroyedError, OptionError, errorFrom, shown } from '../errors.js';
import { EngineEmitter, EVENTS } from '../events.js';
import { resolveCorrelateOptions, resolveMaxMemory, resolveOptions } from '../options.js';
import type { EngineOptions } from '../options.js';
import type { Completion, Validation, Vocabulary } from '../query.js';
import type { SyntaxTree } from '../syntax.js';
import type { CorrelateOptions, EngineEvents, Metrics, MetricsOptions } from '../types.js';
import { unpackError } from './messages.js';
import type { Method, PlainError, ProxiedAdapter, Reply, Request } from './messages.js';
import type { Port } from './port.js';
import type { Connection } from '../platform/worker.js';
import { RemoteRun } from './run.js';
import { SentAdapter, plainSpec } from './sent.js';
import { RemoteSource } from './source.js';
import { Streams } from './streams.js';

interface Call {
  resolve: (value: never) => void;
  reject: (error: unknown) => void;
}

/**
 * An engine that runs elsewhere, in a Worker: the same as a {@link CorrelationEngine}, but that it answers with
 * promises where that answers at once ({@link metrics}, {@link parse}, {@link validate}, {@link setMaxMemory}).
 *
 * Blobs and files are read there, the adapters of this package too, and so is what is pushed; `status()` of such an
 * adapter tells what has been told of it, a quarter of a second ago at the most. Other sources are read here, and
 * their events sent there: adapters of a program's own, iterables, standard input, and what has an option that is a
 * function.
 */
export class RemoteEngine extends EngineEmitter {
  readonly #connection: Connection;
  readonly #port: Port<Request, Reply>;
  readonly #adapters = new Map<string, DataSourceAdapter>();
  /** By the name of an adapter, what it is called at both ends: names may be given again. */
  readonly #numbers = new Map<string, number>();
  /** Sources that are pushed into, by their number. */
  readonly #sources = new Map<number, RemoteSource>();
  readonly #runs = new Map<number, RemoteRun>();
  readonly #calls = new Map<number, Call>();
  readonly #streams: Streams;
  /** Adapters that were made there of what they are made of here, by their numbers. */
  readonly #sent = new Map<number, SentAdapter>();
  readonly #listening = new Set<keyof EngineEvents>();
  readonly #bufferSize: number;
  #last = 0;
  #destroyed: Promise<void> | undefined;
  #failure: Error | undefined;

  /** @internal */
  constructor(connection: Connection, options: EngineOptions) {
    super();
    this.#bufferSize = resolveOptions(options).bufferSize;
    this.#connection = connection;
    this.#port = connection.port;
    this.#streams = new Streams(this.#port);
    this.#port.listen((reply) => {
      this.#take(reply);
    });
    connection.failed((error) => {
      this.#fail(error);
    });
    try {
      this.#port.send({ type: 'start', options: { ...options }, wasm: connection.wasm });
    } catch (cause) {
      connection.close();
      throw new OptionError(`wasm cannot be sent to the Worker: ${shown(cause)}`, {
        cause,
        details: { option: 'wasm' },
      });
    }
    this.#hold();
  }

  /** As {@link CorrelationEngine.addAdapter}. */
  addAdapter(name: string, adapter: DataSourceAdapter | EventIterable): this {
    this.#alive();
    checkName(this.#adapters, name);
    const made = toAdapter(name, adapter);
    const { bounded = false, selects = true, decoder, clockSkew } = made;
    const proxied = { bounded, selects, decoder, clockSkew };
    const blob = made instanceof IterableAdapter ? made.blob : undefined;
    const number = ++this.#last;
    this.#adapters.set(name, made);
    this.#numbers.set(name, number);
    const isSent =
      this.#connection.readsSources &&
      (blob ? this.#sendBlob(name, blob, proxied) : this.#sendAdapter(name, number, made));
    if (!isSent) {
      this.#streams.add(number, made);
      this.#port.send({ type: 'addStream', name, adapter: number, options: proxied });
    }
    this.emit('adapterAdded', name);
    return this;
  }

  /** As {@link CorrelationEngine.getAdapter}. */
  getAdapter(name: string): DataSourceAdapter | undefined {
    return this.#adapters.get(name);
  }

  /** As {@link CorrelationEngine.getAdapters}. */
  getAdapters(): Map<string, DataSourceAdapter> {
    return new Map(this.#adapters);
  }

  /** As {@link CorrelationEngine.removeAdapter}. */
  async removeAdapter(name: string): Promise<boolean> {
    const adapter = this.#adapters.get(name);
    const number = this.#numbers.get(name);
    if (!adapter || number === undefined) return false;
    this.#adapters.delete(name);
    this.#numbers.delete(name);
    // What has been pushed goes first.
    if (adapter instanceof RemoteSource) adapter.end();
    try {
      // Once that is answered, queries that began before have opened it.
      await this.#call('removeAdapter', name);
    } finally {
      this.#streams.remove(number);
      this.#sources.delete(number);
      this.#sent.get(number)?.gone();
      this.#sent.delete(number);
      await adapter.destroy();
    }
    return true;
  }

  /** As {@link CorrelationEngine.source}: what is pushed goes to the Worker, all of one turn together. */
  source(name: string): RemoteSource {
    this.#alive();
    const present = this.#adapters.get(name);
    if (present instanceof RemoteSource) return present;
    checkName(this.#adapters, name);
    const number = ++this.#last;
    const source = new RemoteSource(name, number, this.#port, this.#bufferSize);
    this.#adapters.set(name, source);
    this.#numbers.set(name, number);
    this.#sources.set(number, source);
    this.#port.send({ type: 'addPush', name, source: number });
    this.emit('adapterAdded', name);
    return source;
  }

  /** As {@link CorrelationEngine.correlate}; a query that is wrong is told at the first `next()`. */
  correlate(
    input: QueryInput,
    options: CorrelateOptions = {},
  ): AsyncIterableIterator<Correlation, undefined> {
    this.#alive();
    const query = queryText(input);
    const { signal } = resolveCorrelateOptions(options);
    const sent = { ...options, signal: undefined };
    const number = ++this.#last;
    const run = new RemoteRun(number, this.#port, signal, {
      start: () => {
        this.#alive();
        this.#runs.set(number, run);
        this.#port.send({ type: 'correlate', run: number, query, options: sent });
      },
      pull: () => {
        this.#hold();
      },
      end: () => {
        this.#runs.delete(number);
        this.#hold();
      },
    });
    return run;
  }

  /** As {@link CorrelationEngine.run}. */
  async run(query: QueryInput, options: CorrelateOptions = {}): Promise<Correlation[]> {
    const found: Correlation[] = [];
    for await (const correlation of this.correlate(query, options)) found.push(correlation);
    return found;
  }

  /** As {@link CorrelationEngine.parse}, as a promise. */
  async parse(query: QueryInput): Promise<SyntaxTree> {
    return this.#call('parse', queryText(query));
  }

  /** As {@link CorrelationEngine.validate}, as a promise. */
  async validate(query: QueryInput): Promise<Validation> {
    return this.#call('validate', queryText(query));
  }

  /** As {@link CorrelationEngine.vocabulary}. */
  async vocabulary(): Promise<Vocabulary> {
    this.#alive();
    await this.#streams.tellLabels();
    return this.#call('vocabulary');
  }

  /** As {@link CorrelationEngine.complete}. */
  async complete(query: string, cursor: number): Promise<Completion[]> {
    this.#alive();
    await this.#streams.tellLabels();
    return this.#call('complete', query, cursor);
  }

  /** As {@link CorrelationEngine.metrics}, as a promise. */
  metrics(): Promise<Metrics>;
  metrics(options: { format: 'prometheus' }): Promise<string>;
  metrics(options: MetricsOptions): Promise<Metrics | string>;
  async metrics(options: MetricsOptions = {}): Promise<Metrics | string> {
    return this.#call('metrics', options);
  }

  /** As {@link CorrelationEngine.setMaxMemory}, as a promise. */
  async setMaxMemory(maxMemoryMB: number): Promise<void> {
    return this.#call('setMaxMemory', resolveMaxMemory(maxMemoryMB));
  }

  /** As {@link CorrelationEngine.destroy}; ends the Worker. */
  destroy(): Promise<void> {
    this.#destroyed ??= this.#destroy();
    return this.#destroyed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.destroy();
  }

  async #destroy(): Promise<void> {
    const adapters = [...this.#adapters.values()];
    this.#adapters.clear();
    await Promise.all([...this.#runs.values()].map((run) => run.close()));
    try {
      // A Worker that fails meanwhile has ended, too.
      if (!this.#failure) await this.#ask('destroy', []).catch(() => undefined);
      for (const sent of this.#sent.values()) sent.gone();
      const gone = await Promise.allSettled(adapters.map(async (adapter) => adapter.destroy()));
      const failed = gone.find((one) => one.status === 'rejected');
      if (failed) throw failed.reason;
    } finally {
      this.#sources.clear();
      this.removeAllListeners();
      this.#connection.close();
    }
  }

  /** Whether it could be sent: files that Node has opened as Blobs cannot, and are read here. */
  #sendBlob(name: string, blob: Blob, options: ProxiedAdapter): boolean {
    try {
      this.#port.send({ type: 'addBlob', name, blob, options });
      return true;
    } catch {
      return false;
    }
  }

  /** Whether it could be sent what the adapter is made of: functions cannot. */
  #sendAdapter(name: string, number: number, made: DataSourceAdapter): boolean {
    const spec = plainSpec(made);
    if (!spec) return false;
    const { kind, args, streams } = spec;
    try {
      this.#port.send({ type: 'addAdapter', name, adapter: number, kind, args });
    } catch {
      return false;
    }
    const sent = new SentAdapter(streams.status(), () => this.#call('destroyAdapter', number));
    streams.elsewhere = sent;
    this.#sent.set(number, sent);
    return true;
  }

  protected override listenersChanged(): void {
    for (const event of EVENTS) {
      const wanted = this.listenerCount(event) > 0;
      if (wanted === this.#listening.has(event)) continue;
      if (wanted) this.#listening.add(event);
      else this.#listening.delete(event);
      this.#port.send({ type: 'listen', event, wanted });
    }
  }

  #alive(): void {
    if (this.#destroyed) throw new EngineDestroyedError();
    if (this.#failure) throw this.#failure;
  }

  #call<T>(method: Method, ...args: unknown[]): Promise<T> {
    this.#alive();
    return this.#ask(method, args);
  }

  #ask<T>(method: Method, args: unknown[]): Promise<T> {
    const call = ++this.#last;
    return new Promise<T>((resolve, reject) => {
      this.#calls.set(call, { resolve, reject });
      this.#hold();
      this.#port.send({ type: 'call', call, method, args });
    });
  }

  #answered(call: number): Call | undefined {
    const answered = this.#calls.get(call);
    this.#calls.delete(call);
    this.#hold();
    return answered;
  }

  #hold(): void {
    const isBusy = [...this.#runs.values()].some((run) => run.isBusy);
    this.#connection.hold(isBusy || this.#calls.size > 0);
  }

  #take(reply: Reply): void {
    switch (reply.type) {
      case 'failed':
        this.#fail(unpackError(reply.error));
        break;
      case 'answer':
        this.#answered(reply.call)?.resolve(reply.value as never);
        break;
      case 'refused':
        this.#answered(reply.call)?.reject(unpackError(reply.error));
        break;
      case 'room':
        this.#sources.get(reply.source)?.taken(reply.error && unpackError(reply.error));
        break;
      case 'event':
        this.emit(reply.event, ...(reply.told.map(withError) as never));
        break;
      case 'status':
        this.#sent.get(reply.adapter)?.tell(reply.status);
        break;
      case 'found':
        this.#found(reply);
        break;
      case 'ended':
        this.#runs.get(reply.run)?.finish(reply.error && unpackError(reply.error));
        break;
      case 'open':
        this.#streams.open(reply);
        break;
      case 'take':
        this.#streams.take(reply.stream);
        break;
      case 'drop':
        this.#streams.drop(reply.stream);
        break;
    }
  }

  /** Nobody hears of what a query finds that has been left. */
  #found({ run, found }: Extract<Reply, { type: 'found' }>): void {
    const finding = this.#runs.get(run);
    if (!finding) return;
    for (const correlation of finding.unpack(found)) {
      try {
        this.emit('correlationFound', correlation);
      } catch (error) {
        // As in the same thread: a listener that throws ends the query.
        finding.abandon(errorFrom(error));
      }
      // A listener may have ended it, too.
      if (!this.#runs.has(run)) return;
      finding.give(correlation);
    }
    this.#hold();
  }

  /** The Worker is gone, or of no use. */
  #fail(error: Error): void {
    this.#failure ??= error;
    for (const { reject } of this.#calls.values()) reject(error);
    this.#calls.clear();
    for (const run of this.#runs.values()) run.finish(error);
    for (const source of this.#sources.values()) source.fail(error);
    for (const sent of this.#sent.values()) sent.gone(error);
    this.#streams.close();
    this.#hold();
  }
}

/** What is told of an event, with its error made one again. */
function withError(told: unknown): unknown {
  if (typeof told !== 'object' || told === null || !('error' in told)) return told;
  return { ...told, error: unpackError(told.error as PlainError) };
}
