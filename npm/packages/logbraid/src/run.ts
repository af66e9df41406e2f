import { BATCH } from './adapters/adapter.js';
import type { AdapterNotice, DataSourceAdapter, StreamOptions } from './adapters/adapter.js';
import type {
  Backend,
  CorrelatorOptions,
  NativeCorrelator,
  Notice,
  PauseReason,
  PlanSummary,
  RawMetrics,
} from './backend.js';
import { HostEvents } from './columns.js';
import { Correlation } from './correlation.js';
import { Correlations } from './correlations.js';
import type { RecordContext } from './correlation.js';
import type { RunningQuery } from './metrics.js';
import { errorFrom, errorOf } from './errors.js';
import type { CorrelationError } from './errors.js';
import type { Vocabulary } from './query.js';
import { Reader } from './reader.js';
import { CORRELATION, RELEASED, eachRecord, noticeOf } from './records.js';
import { MAX_DELAY_MS } from './time.js';
import { soon } from '#platform';

/** Results taken from the engine at once in final mode. */
const DRAIN = 256;

/** The same in eager mode, where the consumer takes them as fast as they come. */
const EAGER_DRAIN = 64;

/** Bytes of files read before the event loop gets a turn. */
const WORK = 4 << 20;

/** What a query may hold is this many times what its results may keep that wait here. */
const READY_SHARE = 8;

/** Longest time spent on arrived input before the event loop gets a turn. */
const SLICE_MS = 8;

/** Threads that are busy are looked after this often, should they not call. */
const BUSY_MS = 1_000;

/** What a query is made of. */
export interface RunSetup {
  backend: Backend;
  query: string;
  plan: PlanSummary;
  options: CorrelatorOptions;
  /** On how many it runs; undefined for as many as there are processors. */
  threads: number | undefined;
  /** By position in the plan. */
  adapters: DataSourceAdapter[];
  signal: AbortSignal | undefined;
  /** What every stream is asked for; `range` and the like differ by source. */
  streamOptions: (source: number, signal: AbortSignal) => StreamOptions;
  onCorrelation: (correlation: Correlation) => void;
  onNotice: (notice: Notice) => void;
  /** A source is not read for now, or is again. */
  onPace: (source: number, paused: PauseReason | undefined) => void;
  onRefused: (source: string, message: string) => void;
  /** Whether it goes on without sources that fail. */
  continues: boolean;
  onAdapterError: (source: string, error: CorrelationError) => void;
  onStart: (run: QueryRun) => void;
  onEnd: (run: QueryRun) => void;
}

interface Waiter {
  resolve: (result: IteratorResult<Correlation, undefined>) => void;
  reject: (error: unknown) => void;
}

/**
 * One running query, as its iterator. Starts with the first `next()`. Works in short synchronous
 * turns: feed what has arrived, tell the time, take what is ready; and rests when nothing has
 * arrived or the consumer is behind. Knows nothing of how events are decoded or joined.
 */
export class QueryRun extends Correlations {
  readonly #setup: RunSetup;
  readonly #correlator: NativeCorrelator;
  readonly #host = new HostEvents();
  readonly #context: RecordContext;
  readonly #abort = new AbortController();
  /** By source; none of a file. */
  readonly #readers: (Reader | undefined)[];
  readonly #waiters: Waiter[] = [];
  /** Whether the passing of time can change anything. */
  readonly #timed: boolean;
  #ready: Correlation[] = [];
  /** Bytes that these keep, and how many they may. */
  #readyBytes = 0;
  #mostReadyBytes: number;
  #state: 'new' | 'running' | 'ended' = 'new';
  #filesPending = false;
  /** Eager: results taken from the engine at once, and whether any have been since the last turn. */
  #batch = 1;
  #drained = false;
  /** Eager: weight of the input taken since the consumer has had all that there was. */
  #ahead = 0;
  /** Whether sources have to wait until the consumer has had all that there was. */
  #behind = false;
  /** By source, why the engine does not want it to be read, and what has been told. */
  readonly #held: (PauseReason | undefined)[] = [];
  readonly #paused: (PauseReason | undefined)[] = [];
  /** By source, whether it cannot show that it is alive. */
  readonly #away: boolean[] = [];
  #failure: { error: unknown } | undefined;
  /** Calls off the turn that is to come. */
  #callOff: (() => void) | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stopped: Promise<unknown> | undefined;

  constructor(setup: RunSetup) {
    super();
    this.#setup = setup;
    this.#readers = setup.adapters.map(() => undefined);
    this.#mostReadyBytes = setup.options.maxMemoryBytes / READY_SHARE;
    this.#timed = setup.options.emit === 'eager' || setup.adapters.some((one) => !one.bounded);
    try {
      const { backend, query, options, threads } = setup;
      this.#correlator = new backend.Correlator(query, options, threads, this.#onWake);
    } catch (error) {
      throw errorFrom(error);
    }
    this.#context = {
      correlator: this.#correlator,
      plan: setup.plan,
      host: this.#host,
      failedSources: [],
    };
  }

  next(): Promise<IteratorResult<Correlation, undefined>> {
    if (this.#state === 'new') {
      this.#start();
    }
    const value = this.#ready.shift();
    if (value) {
      this.#readyBytes -= value.size;
      this.#schedule();
      return Promise.resolve({ value, done: false });
    }
    if (this.#failure) {
      const { error } = this.#failure;
      this.#failure = undefined;
      this.#ignoreAbort();
      return Promise.reject(error);
    }
    if (this.#state === 'ended') {
      this.#ignoreAbort();
      return Promise.resolve({ value: undefined, done: true });
    }
    return new Promise((resolve, reject) => {
      this.#waiters.push({ resolve, reject });
      this.#guard(() => {
        this.#collect();
      });
      if (this.#waiters.length > 0) this.#caughtUp();
      this.#schedule();
    });
  }

  /** Counters of the engine. */
  metrics(): RawMetrics {
    return this.#correlator.metrics();
  }

  /** From now on it may hold so many bytes. */
  setMaxMemory(bytes: number): void {
    if (this.#state === 'ended') return;
    this.#mostReadyBytes = bytes / READY_SHARE;
    this.#guard(() => {
      this.#correlator.setMaxMemory(bytes);
    });
    this.#schedule();
  }

  /** What it holds, by these counters. */
  running({ heldEvents, heldKeys, memory, watermark }: RawMetrics): RunningQuery {
    return {
      query: this.#setup.query,
      heldEvents,
      heldKeys,
      memory,
      waiting: this.#ready.length,
      paused: this.#paused.filter(Boolean).length,
      watermark: watermark === null ? undefined : Number(watermark) / 1e9,
    };
  }

  /** The names of its sources, by position in the plan. */
  get sources(): string[] {
    return this.#setup.plan.sources.map(({ name }) => name);
  }

  /** Labels and values seen so far; none once it has ended. */
  vocabulary(): Vocabulary {
    return JSON.parse(this.#correlator.vocabulary()) as Vocabulary;
  }

  async close(): Promise<void> {
    this.#ready = [];
    this.#readyBytes = 0;
    this.#failure = undefined;
    this.#end();
    this.#ignoreAbort();
    await this.#stopped;
  }

  #start(): void {
    this.#state = 'running';
    const { signal } = this.#setup;
    if (signal?.aborted) {
      this.#fail(signal.reason);
      return;
    }
    signal?.addEventListener('abort', this.#onAbort, { once: true });
    this.#guard(() => {
      const { adapters, onStart } = this.#setup;
      onStart(this);
      // Files first: one that cannot be opened ends the query before any stream is opened.
      for (const [source, adapter] of adapters.entries()) {
        if (this.#state !== 'running') return;
        if (this.#reads(adapter)) this.#attach(source, adapter.file);
      }
      for (const [source, adapter] of adapters.entries()) {
        if (this.#state !== 'running') return;
        if (!this.#reads(adapter)) this.#open(source, adapter);
      }
    });
  }

  /** Whether the engine reads the file of an adapter itself. */
  #reads(adapter: DataSourceAdapter): adapter is DataSourceAdapter & { file: string } {
    return adapter.file !== undefined && this.#correlator.attachFile !== undefined;
  }

  #attach(source: number, path: string): void {
    try {
      this.#correlator.attachFile?.(source, path);
    } catch (thrown) {
      const { code, message } = errorFrom(thrown);
      const details = { source: this.#setup.plan.sources[source]?.name, path };
      this.#fails(source, errorOf(code, message, { cause: thrown, details }));
      return;
    }
    this.#filesPending = true;
  }

  #open(source: number, adapter: DataSourceAdapter): void {
    const { plan, streamOptions, onRefused } = this.#setup;
    const planned = plan.sources[source];
    const columns = plan.columns[source];
    if (!planned || !columns) {
      throw errorOf('INTERNAL_ERROR', `the plan says nothing of source ${source}`);
    }
    const context = {
      correlator: this.#correlator,
      host: this.#host,
      batch: this.#few(BATCH),
      wake: () => {
        this.#schedule();
        return this.#callOff !== undefined;
      },
      fails: this.#fails,
    };
    const reader = new Reader(source, planned.name, adapter, columns, context, (message) => {
      onRefused(planned.name, message);
    });
    this.#readers[source] = reader;
    const options = streamOptions(source, this.#abort.signal);
    const tell = (notice: AdapterNotice) => {
      this.#hears(source, notice);
      options.tell?.(notice);
    };
    reader.open(planned.selector ?? '', { ...options, tell });
  }

  /** Nothing is claimed of a source that reads what is of the past, or is interrupted. */
  #hears(source: number, { type }: AdapterNotice): void {
    const isAway = type !== 'live';
    if (type === 'gap' || this.#state !== 'running' || this.#away[source] === isAway) return;
    this.#away[source] = isAway;
    this.#correlator.setAway(source, isAway);
    this.#schedule();
  }

  /** A source has failed for good: the query ends with its error, or goes on without it. */
  readonly #fails = (source: number, error: CorrelationError): void => {
    const name = this.#setup.plan.sources[source]?.name ?? '';
    this.#setup.onAdapterError(name, error);
    const failed = [...this.#context.failedSources, name];
    if (!this.#setup.continues || failed.length === this.#readers.length) {
      this.#fail(error);
      return;
    }
    this.#context.failedSources = failed;
    this.#correlator.close(source);
  };

  /** Threads of the engine have something to tell, or room. */
  readonly #onWake = (): void => {
    this.#schedule();
  };

  /** Whoever aborts wants nothing more. */
  readonly #onAbort = (): void => {
    const error: unknown = this.#setup.signal?.reason;
    this.#ready = [];
    this.#readyBytes = 0;
    if (this.#state === 'ended') this.#failure = { error };
    else this.#fail(error);
    this.#ignoreAbort();
  };

  #ignoreAbort(): void {
    this.#setup.signal?.removeEventListener('abort', this.#onAbort);
  }

  /** At most so many events, and few beside what may be held, so that a pause comes in time. */
  #few(most: number): number {
    const { maxEvents = Infinity } = this.#setup.options;
    return Math.max(Math.min(most, Math.floor(maxEvents / 8)), 1);
  }

  /** Whether the consumer wants the query to go on. */
  #hungry(): boolean {
    const { emit, bufferSize } = this.#setup.options;
    const wants = emit === 'eager' ? this.#ahead < this.#few(bufferSize) : this.#hasRoom();
    return this.#waiters.length > 0 || wants;
  }

  #schedule(): void {
    if (this.#state !== 'running' || this.#callOff) return;
    if (this.#hungry()) {
      this.#callOff = soon(this.#turn);
    } else if (!this.#behind) {
      this.#behind = true;
      this.#tellPace();
    }
  }

  /** The consumer has had all that there was. */
  #caughtUp(): void {
    this.#ahead = 0;
    if (this.#behind) {
      this.#behind = false;
      this.#tellPace();
    }
  }

  /** Tells which sources are not read any more, and which are again. */
  #tellPace(): void {
    for (const source of this.#setup.plan.sources.keys()) {
      const why = this.#held[source] ?? (this.#behind ? 'consumer' : undefined);
      const changed = (why === undefined) !== (this.#paused[source] === undefined);
      this.#paused[source] = why;
      if (changed) this.#setup.onPace(source, why);
    }
  }

  readonly #turn = (): void => {
    this.#callOff = undefined;
    clearTimeout(this.#timer);
    const begun = performance.now();
    // What waits here is not replaced by newer revisions: a slow consumer gets one at a time.
    if (this.#ready.length > 0) this.#batch = 1;
    this.#drained = false;
    this.#guard(() => {
      // What the engine still has goes before it gets more, which may find any number of results. (Eager: it
      // has been taken when the consumer asked.)
      if (this.#setup.options.emit !== 'eager') this.#collect();
      if (!this.#hungry()) {
        this.#schedule();
        return;
      }
      const busy = this.#feed();
      // After the feeding, so that what has just arrived counts as activity.
      if (this.#timed) this.#correlator.advance(Date.now());
      // Files that were held up by untaken results can go on once these are taken.
      const took = this.#collect();
      if (busy || (took && this.#filesPending)) {
        this.#schedule();
      } else {
        this.#rest();
      }
    });
    this.#correlator.noteTurn(performance.now() - begun);
  };

  /** Hands arrived input to the engine; says whether there may be more to hand over at once. */
  #feed(): boolean {
    const until = performance.now() + SLICE_MS;
    let busy: boolean;
    do {
      busy = false;
      for (const [source, reader] of this.#readers.entries()) {
        // There is a turn when there is room again.
        if (!reader || !this.#correlator.hasRoom(source, performance.now())) continue;
        const weight = reader.feed(Date.now());
        if (weight > 0) {
          busy = true;
          this.#ahead += weight;
          this.#collect();
        }
        if (this.#state !== 'running' || !this.#hungry()) return busy;
      }
    } while (busy && performance.now() < until);
    if (this.#filesPending && this.#correlator.work) {
      const { pending, read } = this.#correlator.work(WORK, performance.now());
      this.#filesPending = pending;
      this.#ahead += read / 256;
      // Nothing read: the files wait for another source, which will cause the next turn. Threads read
      // on by themselves, and cause it when they may not.
      busy ||= read > 0 && !this.#correlator.isBusy();
    }
    return busy;
  }

  /** Sleeps until something arrives or time itself matters. */
  #rest(): void {
    if (this.#state !== 'running' || !this.#hungry()) {
      return;
    }
    const due = this.#readers.map((reader) => reader?.dueAt ?? Infinity);
    const deadline = this.#timed ? (this.#correlator.deadline() ?? Infinity) : Infinity;
    // Threads keep no process alive; a query that they are busy with does.
    const busy = this.#correlator.isBusy() ? Date.now() + BUSY_MS : Infinity;
    const at = Math.min(deadline, busy, ...due);
    if (at < Infinity) {
      const delay = Math.min(Math.max(Math.ceil(at - Date.now()), 1), MAX_DELAY_MS);
      this.#timer = setTimeout(this.#turn, delay);
    }
  }

  /**
   * Takes outputs. Eager: only when one is asked for, because a newer revision replaces one that waits in
   * the engine; and one at a time, until the consumer has asked for more before anything could have
   * changed. Says whether there were any.
   */
  #collect(): boolean {
    const eager = this.#setup.options.emit === 'eager';
    const room = () =>
      this.#state === 'running' && (eager ? this.#waiters.length > 0 : this.#hasRoom());
    let took = false;
    while (room()) {
      if (eager && this.#drained) this.#batch = Math.min(this.#batch * 2, EAGER_DRAIN);
      const batch = this.#correlator.drain(eager ? this.#batch : DRAIN, performance.now());
      if (batch.length === 0) break;
      this.#drained = true;
      eachRecord(batch, this.#take);
      took = true;
    }
    return took;
  }

  readonly #take = (batch: DataView, start: number, end: number): void => {
    // A listener may have ended it.
    if (this.#state !== 'running') return;
    const kind = batch.getUint8(start);
    if (kind === CORRELATION) {
      this.#deliver(new Correlation(batch, start, end, this.#context));
    } else if (kind === RELEASED) {
      this.#host.release(batch, start + 1, end);
    } else {
      this.#obey(noticeOf(batch, start, end));
    }
  };

  #deliver(correlation: Correlation): void {
    this.#setup.onCorrelation(correlation);
    if (this.#state !== 'running') return;
    const waiter = this.#waiters.shift();
    if (waiter) waiter.resolve({ value: correlation, done: false });
    else {
      this.#ready.push(correlation);
      this.#readyBytes += correlation.size;
    }
  }

  /** Whether more results may wait here for the consumer. */
  #hasRoom(): boolean {
    const { bufferSize } = this.#setup.options;
    return this.#ready.length < bufferSize && this.#readyBytes <= this.#mostReadyBytes;
  }

  #obey(notice: Notice): void {
    switch (notice.type) {
      case 'end':
        this.#end();
        break;
      case 'error':
        this.#fail(errorOf(notice.code, notice.message, { details: notice.details }));
        break;
      case 'pause':
      case 'resume': {
        const reader = this.#readers[notice.source];
        if (reader) reader.paused = notice.type === 'pause';
        this.#held[notice.source] = notice.type === 'pause' ? notice.reason : undefined;
        this.#tellPace();
        this.#schedule();
        break;
      }
      default:
        this.#setup.onNotice(notice);
    }
  }

  /** Whatever goes wrong in a turn ends the query with that error. */
  #guard(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.#fail(errorFrom(error));
    }
  }

  /** The consumer gets what is ready, then the error. */
  #fail(error: unknown): void {
    if (this.#state === 'ended') {
      return;
    }
    const waiter = this.#waiters.shift();
    if (waiter) {
      waiter.reject(error);
    } else {
      this.#failure = { error };
    }
    this.#end();
  }

  #end(): void {
    if (this.#state === 'ended') {
      return;
    }
    this.#state = 'ended';
    this.#callOff?.();
    this.#callOff = undefined;
    clearTimeout(this.#timer);
    // What is ready may still be given up.
    if (this.#ready.length === 0) this.#ignoreAbort();
    this.#setup.onEnd(this);
    this.#abort.abort();
    this.#stopped = Promise.all(this.#readers.flatMap((reader) => reader?.stop() ?? []));
    this.#correlator.release();
    for (const waiter of this.#waiters.splice(0)) {
      waiter.resolve({ value: undefined, done: true });
    }
  }
}
