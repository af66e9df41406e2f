type Numbers = Float64Array | Uint32Array | Uint16Array | Uint8Array;

/** Numbers of one kind that become more, outside of the heap of JavaScript. */
export class Growing<T extends Numbers> {
  #values: T;
  #length = 0;
  readonly #make: new (length: number) => T;

  constructor(make: new (length: number) => T) {
    this.#make = make;
    this.#values = new make(1024);
  }

  get length(): number {
    return this.#length;
  }

  push(value: number): void {
    if (this.#length === this.#values.length) {
      const larger = new this.#make(this.#length * 2);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.#length] = value;
    this.#length += 1;
  }

  /** The number at a place that there is. */
  at(index: number): number {
    return this.#values[index] ?? NaN;
  }

  clear(): void {
    this.#values = new this.#make(1024);
    this.#length = 0;
  }
}
