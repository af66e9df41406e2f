import { exceeded, refused } from './refusal.js';

/** Plain data goes no deeper, which a circle would. */
const DEPTH = 24;

/** What a text or a number costs beside its content, in bytes. */
const NODE = 16;

/** What an object costs beside that, and each name in it. */
const OBJECT = 32;
const NAME = 24;

/** What a time and bytes cost beside that. */
const DATE = 96;
const BYTES = 240;

/** Bytes that an event takes, about, which has been found to be plain data. */
export function weigh(event: object): number {
  const scales = new Scales('', Infinity, 1);
  scales.add(event);
  return scales.weight;
}

/** Counts what plain data takes up, about, as far as it may. */
export class Scales {
  readonly #limit: string;
  readonly #allowed: number;
  readonly #most: number;
  /** In bytes. */
  weight = 0;

  /** Of `allowed` units, of so many bytes each, which the limit of that name is in. */
  constructor(limit: string, allowed: number, unit: number) {
    this.#limit = limit;
    this.#allowed = allowed;
    this.#most = allowed * unit;
  }

  /** Adds a value. Throws where it is more than may be, or holds what is no plain data. */
  add(value: unknown, depth = 0): void {
    this.#put(NODE);
    switch (typeof value) {
      case 'string':
        this.#put(2 * value.length);
        return;
      case 'bigint':
        if (BigInt.asIntN(64, value) !== value) throw refused('a bigint beyond 64 bits');
        return;
      case 'object':
        if (value !== null) this.#addObject(value, depth);
        return;
      case 'function':
      case 'symbol':
        throw refused(`a ${typeof value}`);
    }
  }

  #addObject(value: object, depth: number): void {
    if (depth === DEPTH) throw refused('data that is nested too deeply');
    if (Array.isArray(value)) {
      // Before it is walked: an array may have a length and nothing in it.
      this.#put(OBJECT + 8 * value.length);
      const names = Object.keys(value);
      // Names that are no positions come last.
      if (names.length !== value.length || Number(names.at(-1) ?? -1) !== value.length - 1) {
        throw refused('an array with holes or names in it');
      }
      for (const one of value as unknown[]) this.add(one, depth + 1);
    } else if (value instanceof Uint8Array) {
      // A view brings all that it is a view of.
      if (!(value.buffer instanceof ArrayBuffer)) throw refused('memory that is shared');
      this.#put(BYTES + value.buffer.byteLength);
    } else if (Object.getPrototypeOf(value) === Object.prototype) {
      this.#put(OBJECT);
      for (const [name, one] of Object.entries(value)) {
        this.#put(NAME + 2 * name.length);
        this.add(one, depth + 1);
      }
    } else if (value instanceof Date) {
      this.#put(DATE);
    } else {
      throw refused('an object that is no plain data');
    }
  }

  #put(bytes: number): void {
    this.weight += bytes;
    if (this.weight > this.#most) throw exceeded(this.#limit, this.#allowed);
  }
}
