import type { CorrelationError } from '../errors.js';
import { errorFrom } from '../errors.js';
import { packError, unpackError } from '../remote/messages.js';
import type { PlainError, Reply, Request } from '../remote/messages.js';
import type { Port } from '../remote/port.js';
import type { ResolvedLimits } from './limits.js';
import { Scales } from './plain.js';
import { exceeded, refused, told } from './refusal.js';
import { RequestReader } from './schemas.js';
import type { WindowRequest } from './schemas.js';

const KIB = 1 << 10;
const MIB = 1 << 20;

/** Who hears of a guarded window. */
export interface GuardWatch {
  /** So many queries run, from now on. */
  queries: (count: number) => void;
  /** The page asks for so many MiB for its queries. Gives what each is to have. */
  asks: (maxMemoryMB: number) => number;
  /** The page ends its engine. */
  destroyed: () => void;
  /** Nothing passes any more: the window has sent what it may not, or its engine has failed. */
  ended: (error: CorrelationError) => void;
}

/** A source that a window brings. */
interface GuardedSource {
  name: string;
  /** Bytes of what says how it is read, and of its labels where it is read in the window. */
  told: number;
  labels: number | undefined;
  /** Of each message that was pushed and has not been taken, its bytes. */
  waiting: number[];
  /** It has been taken away; queries that had begun may still read it. */
  gone: boolean;
}

/** A stream that a window reads. */
interface GuardedStream {
  /** The engine waits for its next items. */
  awaited: boolean;
  finished: boolean;
  /** Bytes that have come and have not been taken. */
  waiting: number;
}

/**
 * Stands between a window and the engine that serves it, and passes on what a window may send, as much as the
 * limits allow. The first message that is anything else ends it.
 */
export class Guard implements Port<Reply, Request> {
  readonly #port: Port<Reply, unknown>;
  readonly #limits: ResolvedLimits;
  readonly #watch: GuardWatch;
  readonly #reader: RequestReader;
  #started = false;
  #ended = false;
  readonly #sources = new Map<number, GuardedSource>();
  /** Streams that the window reads for the engine. */
  readonly #streams = new Map<number, GuardedStream>();
  /** Of each query, how many correlations it has been asked for and has not sent. */
  readonly #runs = new Map<number, number>();
  readonly #calls = new Set<number>();
  /** Bytes that have come and are held before any query holds them. */
  #held = 0;

  constructor(port: Port<Reply, unknown>, limits: ResolvedLimits, watch: GuardWatch) {
    this.#port = port;
    this.#limits = limits;
    this.#watch = watch;
    this.#reader = new RequestReader(limits);
  }

  send(reply: Reply): void {
    if (this.#ended) return;
    if (reply.type === 'failed') {
      this.#fail(reply.error);
      return;
    }
    this.#note(reply);
    this.#port.send(reply);
  }

  listen(receive: (request: Request) => void): void {
    this.#port.listen((message) => {
      if (this.#ended) return;
      let request: Request | undefined;
      try {
        request = this.#read(message);
      } catch (error) {
        this.send({ type: 'failed', error: packError(errorFrom(error)) });
      }
      if (request) receive(request);
    });
  }

  #fail({ message, ...others }: PlainError): void {
    const error = { ...others, message: told(message) };
    this.#port.send({ type: 'failed', error });
    this.#ended = true;
    this.#watch.ended(errorFrom(unpackError(error)));
  }

  /** Nothing passes any more. */
  end(): void {
    this.#ended = true;
  }

  /** What is to be passed on; nothing, where it comes too late. Throws what the window is told. */
  #read(message: unknown): Request | undefined {
    const weight = this.#weigh(message);
    if (!this.#started) {
      this.#started = true;
      return this.#reader.start(message);
    }
    const request = this.#reader.request(message);
    return this.#admit(request, weight) ? this.#settle(request) : undefined;
  }

  /** What is asked for as it is to be. */
  #settle(request: WindowRequest): Request {
    if (request.type !== 'call') return request;
    if (request.method === 'destroy') this.#watch.destroyed();
    if (request.method !== 'setMaxMemory') return request;
    return { ...request, args: [this.#watch.asks(request.args[0] as number)] };
  }

  #weigh(message: unknown): number {
    const { pushedMB, eventKB } = this.#limits;
    const scales = new Scales('pushedMB', pushedMB, MIB);
    scales.add(message);
    const single = scales.weight <= eventKB * KIB ? [] : itemsOf(message);
    for (const item of single) {
      for (const event of Array.isArray(item) ? (item as unknown[]) : [item]) {
        if (isObject(event)) new Scales('eventKB', eventKB, KIB).add(event);
      }
    }
    return scales.weight;
  }

  /** Holds a request to the limits. Whether anything waits for it. */
  #admit(request: WindowRequest, weight: number): boolean {
    switch (request.type) {
      case 'addStream':
        this.#bring(request.adapter, request.name, weight, 0);
        return true;
      case 'addPush':
        this.#bring(request.source, request.name, weight, undefined);
        return true;
      case 'push':
        this.#push(request.source, weight);
        return true;
      case 'call':
        this.#call(request);
        return true;
      case 'correlate':
        this.#correlate(request.run);
        return true;
      case 'pull':
        return this.#pull(request.run, request.count);
      case 'items':
        return this.#items(request.stream, weight);
      case 'finished':
        return this.#finish(request.stream);
      case 'notice':
        return this.#streams.get(request.stream)?.finished === false;
      case 'labels':
        return this.#label(request.adapter, weight);
      default:
        return true;
    }
  }

  #bring(number: number, name: string, told: number, labels: number | undefined): void {
    const { sources } = this.#limits;
    if (this.#sources.has(number)) throw refused(`a second source ${number}`);
    if (this.#sources.size >= sources) throw exceeded('sources', sources);
    this.#sources.set(number, { name, told, labels, waiting: [], gone: false });
    this.#hold(told);
  }

  /** What is held of the sources and streams of a window is bounded together. */
  #hold(bytes: number): void {
    const { pushedMB } = this.#limits;
    this.#held += bytes;
    if (this.#held > pushedMB * MIB) throw exceeded('pushedMB', pushedMB);
  }

  #push(number: number, weight: number): void {
    const source = this.#sources.get(number);
    if (!source || source.gone) throw refused('events for a source that is not there');
    // Each query holds what it has not taken.
    const held = weight * Math.max(this.#runs.size, 1);
    source.waiting.push(held);
    this.#hold(held);
  }

  #label(number: number, weight: number): boolean {
    const source = this.#sources.get(number);
    if (source?.labels === undefined || source.gone) return false;
    this.#hold(weight - source.labels);
    source.labels = weight;
    return true;
  }

  #call({ call, method, args }: Extract<WindowRequest, { type: 'call' }>): void {
    const { calls } = this.#limits;
    if (this.#calls.has(call)) throw refused(`a second call ${call}`);
    if (this.#calls.size >= calls) throw exceeded('calls', calls);
    this.#calls.add(call);
    if (method === 'removeAdapter') this.#takeAway(args[0] as string);
  }

  #takeAway(name: string): void {
    const source = [...this.#sources.values()].find((one) => !one.gone && one.name === name);
    // What the program reads is not the window's to take away.
    if (!source) throw refused(`that ${name} be taken away, which it has not brought`);
    source.gone = true;
    this.#forgetGone();
  }

  #correlate(run: number): void {
    const { queries } = this.#limits;
    if (this.#runs.has(run)) throw refused(`a second query ${run}`);
    if (this.#runs.size >= queries) throw exceeded('queries', queries);
    this.#runs.set(run, 0);
    this.#watch.queries(this.#runs.size);
  }

  #pull(run: number, count: number): boolean {
    const { ahead } = this.#limits;
    const wanted = this.#runs.get(run);
    // It has ended meanwhile.
    if (wanted === undefined) return false;
    if (wanted + count > ahead) throw exceeded('ahead', ahead);
    this.#runs.set(run, wanted + count);
    return true;
  }

  #items(number: number, weight: number): boolean {
    const stream = this.#streams.get(number);
    // It has been left meanwhile.
    if (!stream || stream.finished) return false;
    if (!stream.awaited) throw refused('items that nobody waits for');
    stream.awaited = false;
    stream.waiting = weight;
    this.#hold(weight);
    return true;
  }

  #finish(number: number): boolean {
    const stream = this.#streams.get(number);
    if (!stream || stream.finished) return false;
    stream.finished = true;
    return true;
  }

  /** What had come of a stream has been taken, or left. */
  #taken(number: number): GuardedStream | undefined {
    const stream = this.#streams.get(number);
    this.#held -= stream?.waiting ?? 0;
    if (stream) stream.waiting = 0;
    return stream;
  }

  /** Keeps count of what is answered. */
  #note(reply: Reply): void {
    switch (reply.type) {
      case 'answer':
      case 'refused':
        this.#calls.delete(reply.call);
        break;
      case 'room':
        this.#held -= this.#sources.get(reply.source)?.waiting.shift() ?? 0;
        break;
      case 'found':
        this.#runs.set(reply.run, (this.#runs.get(reply.run) ?? 0) - reply.found.packed.length);
        break;
      case 'ended':
        this.#runs.delete(reply.run);
        this.#forgetGone();
        this.#watch.queries(this.#runs.size);
        break;
      case 'open':
        this.#streams.set(reply.stream, { awaited: false, finished: false, waiting: 0 });
        break;
      case 'take': {
        const stream = this.#taken(reply.stream);
        if (stream) stream.awaited = true;
        break;
      }
      case 'drop':
        this.#taken(reply.stream);
        this.#streams.delete(reply.stream);
        break;
    }
  }

  /** What was pushed into sources that were taken away is held no longer than queries run. */
  #forgetGone(): void {
    if (this.#runs.size > 0) return;
    for (const [number, { gone, told, labels = 0, waiting }] of this.#sources) {
      if (!gone) continue;
      this.#sources.delete(number);
      this.#held -= told + labels;
      for (const weight of waiting) this.#held -= weight;
    }
  }
}

/** What is pushed in a message, or read in the window, if it is such a message. */
function itemsOf(message: unknown): unknown[] {
  const items = isObject(message) && 'items' in message ? message.items : undefined;
  return Array.isArray(items) ? items : [];
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !(value instanceof Uint8Array);
}
