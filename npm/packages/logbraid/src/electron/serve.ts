import { bad, interval, reader } from '../checks.js';
import type { CorrelationError } from '../errors.js';
import { resolveOptions } from '../options.js';
import type { EngineOptions } from '../options.js';
import type { DurationInput } from '../types.js';
import { CONNECT } from './channels.js';
import type { ConnectMessage, WindowInfo } from './channels.js';
import type { MainMessage, MainPort, ParentPort } from './interfaces.js';
import { resolveLimits } from './limits.js';
import type { WindowLimits } from './limits.js';
import { MemoryWatch, systemMemory } from './memory.js';
import type { SystemMemory } from './memory.js';
import { ServedWindow } from './window.js';
import type { Sources } from './window.js';

const MIB = 1 << 20;

/** Options of {@link serveWindows}. */
export interface ServeOptions {
  /** `process.parentPort` of a utility process, over which main sends windows. Default: none, as in main itself. */
  parentPort?: ParentPort | undefined;
  /**
   * Sources of the machine that a window may query, by name, made anew for each. Default: none. A window can name
   * no file and no server by itself.
   */
  sources?: ((window: WindowInfo) => Sources) | undefined;
  /**
   * Options of the engines of windows, and bounds on what a window asks for: `maxMemoryMB`, `bufferSize` and
   * `threads` no more than here, `backend` as here, `overflow` always `evict`. `maxMemoryMB` is for all queries of
   * a window together. Default `{ preset: 'electron' }`.
   */
  engine?: EngineOptions | undefined;
  /** What all windows together may hold, in MiB; each gets an equal share, if it is less. Default 256. */
  totalMemoryMB?: number | undefined;
  /** What one window may ask for. */
  limits?: WindowLimits | undefined;
  /**
   * Below this share of the memory of the system, windows give up half of what they hold, each time that is looked
   * at; a number from 0 to 1. Default 0.05.
   */
  lowMemory?: number | undefined;
  /** How often that is looked at while there are windows, a duration of at least `1ms`. Default `5s`. */
  memoryInterval?: DurationInput | undefined;
  /** The memory of the system, in bytes. Default: what Node.js says of it. */
  systemMemory?: (() => SystemMemory) | undefined;
  /** Windows have given up memory. */
  onShed?: ((shed: Shed) => void) | undefined;
  /**
   * The engine of a window has ended by an error: `MESSAGE_REFUSED` and `LIMIT_EXCEEDED` for what a page must
   * not do, else that of an option or a source. The window has been told.
   */
  onFailure?: ((window: WindowInfo, error: CorrelationError) => void) | undefined;
}

/** Windows have given up half of what they held. */
export interface Shed {
  windows: number;
  /** What they held before, in MiB. */
  heldMB: number;
  /** What the system has left, in MiB. */
  availableMB: number;
}

/** Gives windows engines; see {@link serveWindows}. */
export class WindowServer {
  readonly #options: ReturnType<typeof resolve>;
  readonly #windows = new Map<number, ServedWindow>();
  readonly #watch: MemoryWatch;
  #isLow = false;
  #isClosed = false;

  /** @internal */
  constructor(options: ServeOptions) {
    this.#options = resolve(options);
    this.#watch = new MemoryWatch(this.#options.memoryIntervalMs, () => {
      this.#look();
    });
    this.#options.parentPort?.on('message', (message) => {
      this.#take(message);
    });
  }

  /** Gives a window an engine, at the other end of a port. What the same frame had before ends. After `close()`, none. */
  connect(port: MainPort, window: WindowInfo): void {
    if (this.#isClosed) {
      port.close();
      return;
    }
    const { engine, sources, limits, onFailure } = this.#options;
    void this.#windows.get(window.frame)?.close();
    const served = new ServedWindow(port, window, this.#shareOf(window, 1), {
      engine,
      sources,
      limits,
      ended: (error) => {
        this.#windows.delete(window.frame);
        this.#share();
        if (error) onFailure(window, error);
      },
    });
    this.#windows.set(window.frame, served);
    this.#share();
  }

  /** Windows that have an engine. */
  get size(): number {
    return this.#windows.size;
  }

  /**
   * Has each window give up half of what it holds, the oldest first, and tells it by `memoryWarning`: for signals
   * of the program's own. What they may hold comes back the next time that the system is found not to be low.
   */
  shed(): void {
    const windows = [...this.#windows.values()];
    const heldMB = windows.reduce((sum, window) => sum + window.heldMB, 0);
    this.#isLow = true;
    for (const window of windows) window.shed();
    const { available } = this.#options.systemMemory();
    this.#options.onShed({ windows: windows.length, heldMB, availableMB: available / MIB });
  }

  /** Ends all engines, and gives no window another. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const windows = [...this.#windows.values()];
    this.#windows.clear();
    this.#watch.stop();
    await Promise.all(windows.map((window) => window.close()));
  }

  /** A program may send its process messages of its own. */
  #take({ data, ports: [port] }: MainMessage): void {
    const isOurs =
      typeof data === 'object' && data !== null && 'type' in data && data.type === CONNECT;
    if (isOurs && port) this.connect(port, (data as ConnectMessage).window);
  }

  #look(): void {
    const { lowMemory, systemMemory: ask } = this.#options;
    const { available, total } = ask();
    if (available < lowMemory * total) {
      this.shed();
    } else if (this.#isLow) {
      this.#isLow = false;
      for (const window of this.#windows.values()) window.recover();
    }
  }

  #share(): void {
    const count = this.#windows.size;
    for (const window of this.#windows.values()) window.mayHold(this.#shareOf(window.info, count));
    if (count > 0) this.#watch.start();
    else this.#watch.stop();
  }

  #shareOf({ maxMemoryMB = Infinity }: WindowInfo, windows: number): number {
    const { windowMB, totalMemoryMB } = this.#options;
    return Math.min(maxMemoryMB, windowMB, totalMemoryMB / windows);
  }
}

/**
 * Runs the engines of windows: in a utility process, whose `process.parentPort` it is given, or in main. Each
 * window has an engine of its own, with the sources that the program names. Throws an `OptionError`.
 *
 * ```js
 * serveWindows({
 *   parentPort: process.parentPort,
 *   sources: () => ({ app: new FileAdapter('/var/log/app.log') }),
 * });
 * ```
 */
export function serveWindows(options: ServeOptions = {}): WindowServer {
  return new WindowServer(options);
}

const NAMES: readonly (keyof ServeOptions)[] = [
  'parentPort',
  'sources',
  'engine',
  'totalMemoryMB',
  'limits',
  'lowMemory',
  'memoryInterval',
  'systemMemory',
  'onShed',
  'onFailure',
];

const CALLBACKS = ['sources', 'systemMemory', 'onShed', 'onFailure'] as const;

function resolve(options: ServeOptions) {
  const read = reader(options, NAMES);
  for (const name of CALLBACKS) read(name, callback, undefined);
  const { parentPort, engine = { preset: 'electron' }, limits } = options;
  return {
    parentPort,
    engine,
    sources: options.sources ?? (() => ({})),
    /** What one window may hold. */
    windowMB: resolveOptions(engine).maxMemoryMB,
    totalMemoryMB: read('totalMemoryMB', megabytes, 256),
    limits: resolveLimits(limits),
    lowMemory: read('lowMemory', share, 0.05),
    memoryIntervalMs: read('memoryInterval', interval, 5_000),
    systemMemory: options.systemMemory ?? systemMemory,
    onShed: options.onShed ?? (() => undefined),
    onFailure: options.onFailure ?? (() => undefined),
  };
}

function callback(name: string, value: unknown): unknown {
  return typeof value === 'function' ? value : bad(name, value, 'a function');
}

function megabytes(name: string, value: unknown): number {
  return typeof value === 'number' && value > 0 ? value : bad(name, value, 'a number above 0');
}

function share(name: string, value: unknown): number {
  return typeof value === 'number' && value >= 0 && value <= 1
    ? value
    : bad(name, value, 'a number from 0 to 1');
}
