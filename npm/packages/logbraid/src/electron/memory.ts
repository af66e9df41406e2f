import os from 'node:os';

/** What the system has, in bytes. */
export interface SystemMemory {
  available: number;
  total: number;
}

/** What this process may still take, and what it might have taken. */
export function systemMemory(): SystemMemory {
  // Of a container, what that has.
  const limit = process.constrainedMemory();
  const total = limit > 0 && limit < os.totalmem() ? limit : os.totalmem();
  return { available: process.availableMemory(), total };
}

/** Looks at the memory of the system while somebody wants to know. */
export class MemoryWatch {
  readonly #intervalMs: number;
  readonly #look: () => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(intervalMs: number, look: () => void) {
    this.#intervalMs = intervalMs;
    this.#look = look;
  }

  /** Keeps no process alive. */
  start(): void {
    this.#timer ??= setInterval(this.#look, this.#intervalMs).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
