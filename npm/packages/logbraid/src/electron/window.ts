import type { DataSourceAdapter } from '../adapters/adapter.js';
import type { EventIterable } from '../adapters/iterable.js';
import { CorrelationEngine } from '../engine.js';
import type { CorrelationError } from '../errors.js';
import { resolveOptions } from '../options.js';
import type { EngineOptions } from '../options.js';
import { serve } from '../remote/host.js';
import type { MemoryWarning } from '../types.js';
import { allowedOptions } from './allowed.js';
import type { WindowInfo } from './channels.js';
import { Guard } from './guard.js';
import type { MainPort } from './interfaces.js';
import type { ResolvedLimits } from './limits.js';
import { portOfMain } from './main-port.js';
import { weigh } from './plain.js';

const MIB = 1 << 20;

/** Less is not taken from a query, in MiB: it could hold next to nothing. */
const LEAST_MB = 0.25;

/** What a window is left with when the system is low, at least, in MiB. */
const LEAST_SHED_MB = 1;

/** Sources by name, such as adapters, as `addAdapter` takes them. */
export type Sources = Readonly<Record<string, DataSourceAdapter | EventIterable>>;

/** What the engine of a window is made of. */
export interface WindowSetup {
  /** Options that the engine begins with. */
  engine: EngineOptions;
  sources: (window: WindowInfo) => Sources;
  limits: ResolvedLimits;
  /** The engine of the window has ended by itself, by an error where there is one. */
  ended: (error: CorrelationError | undefined) => void;
}

/** A window that has an engine. */
export class ServedWindow {
  readonly info: WindowInfo;
  readonly #port: MainPort;
  readonly #guard: Guard;
  readonly #setup: WindowSetup;
  readonly #forget: () => void;
  #engine: CorrelationEngine | undefined;
  #queries = 0;
  /** What the window may hold, in MiB. */
  #mayHoldMB: number;
  /** What the page asks for of that. */
  #askedMB = Infinity;
  /** What it is left with of that while the system is low. */
  #shedToMB = Infinity;
  /** What each query may hold of that, as the engine knows it. */
  #boundMB = 0;
  /** By its page; the port closes soon. */
  #isDestroyed = false;
  #closed: Promise<void> | undefined;

  constructor(port: MainPort, info: WindowInfo, mayHoldMB: number, setup: WindowSetup) {
    this.info = info;
    this.#port = port;
    this.#setup = setup;
    this.#mayHoldMB = mayHoldMB;
    this.#guard = new Guard(portOfMain(port), setup.limits, {
      queries: (count) => {
        this.#queries = count;
        this.#bound();
      },
      asks: (maxMemoryMB) => {
        this.#askedMB = maxMemoryMB;
        this.#bound();
        return this.#boundMB;
      },
      destroyed: () => {
        this.#isDestroyed = true;
      },
      ended: (error) => {
        this.#end(error);
      },
    });
    port.on('close', () => {
      this.#end(undefined);
    });
    this.#forget = serve(this.#guard, {}, (options) => this.#makeEngine(options), weigh);
  }

  /** What its queries hold now, in MiB. */
  get heldMB(): number {
    return (this.#engine?.metrics().memory ?? 0) / MIB;
  }

  /** Says what the window may hold, in MiB; its queries share that. */
  mayHold(mb: number): void {
    this.#mayHoldMB = mb;
    this.#bound();
  }

  /** Gives up half of what its queries hold, and holds no more until {@link recover}. */
  shed(): void {
    const engine = this.#engine;
    if (!engine || this.#isDestroyed) return;
    const heldMB = this.heldMB;
    this.#shedToMB = Math.max(Math.min(this.#shedToMB, heldMB / 2), LEAST_SHED_MB);
    const warnings: MemoryWarning[] = [];
    const heard = (warning: MemoryWarning) => warnings.push(warning);
    engine.on('memoryWarning', heard);
    this.#bound();
    engine.off('memoryWarning', heard);
    const usedMB = Math.round(heldMB * 100) / 100;
    // An engine that held little says nothing by itself.
    if (warnings.length === 0) engine.emit('memoryWarning', { usedMB, maxMB: this.#boundMB });
  }

  /** May hold again what it might before {@link shed}. */
  recover(): void {
    this.#shedToMB = Infinity;
    this.#bound();
  }

  /** Ends its engine and what that reads. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#guard.end();
    this.#port.close();
    this.#forget();
    // What a source says when it is closed changes nothing.
    await this.#engine?.destroy().catch(() => undefined);
  }

  #end(error: CorrelationError | undefined): void {
    if (this.#closed) return;
    void this.close();
    this.#setup.ended(error);
  }

  /** An engine with what the page asks for, as far as it may, and the sources of the program. */
  #makeEngine(asked: EngineOptions): CorrelationEngine {
    const options = allowedOptions(this.#setup.engine, asked);
    this.#askedMB = resolveOptions(options).maxMemoryMB;
    this.#boundMB = this.#queryMB;
    const engine = new CorrelationEngine({ ...options, maxMemoryMB: this.#boundMB });
    // Before anything can fail that would leave sources open.
    this.#engine = engine;
    const sources = this.#setup.sources(this.info);
    for (const [name, source] of Object.entries(sources)) engine.addAdapter(name, source);
    return engine;
  }

  /** What one query may hold. */
  get #queryMB(): number {
    const mb = Math.min(this.#mayHoldMB, this.#askedMB, this.#shedToMB);
    return Math.max(mb / Math.max(this.#queries, 1), LEAST_MB);
  }

  #bound(): void {
    const mb = this.#queryMB;
    if (mb === this.#boundMB || this.#isDestroyed) return;
    this.#boundMB = mb;
    this.#engine?.setMaxMemory(mb);
  }
}
