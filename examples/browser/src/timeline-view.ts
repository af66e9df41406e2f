/** A span of time, in milliseconds since the epoch. */
export interface Span {
  from: number;
  to: number;
}

/** The least that is shown: below, times have no more digits. */
const LEAST_MS = 0.05;

/** Room beside what is shown, as a part of it. */
const MARGIN = 0.02;

/** The part of all time that a timeline shows, and where in it a pixel is. */
export class TimelineView {
  width = 1;
  #all: Span = { from: 0, to: 1 };
  #shown: Span = { from: 0, to: 1 };
  /** Whether it shows all there is, also as that becomes more. */
  #isFitted = true;

  get shown(): Span {
    return this.#shown;
  }

  /** What there is; nothing where `from` is above `to`. */
  setAll({ from, to }: Span): void {
    const room = from <= to ? Math.max((to - from) * MARGIN, LEAST_MS) : 0;
    this.#all = from <= to ? { from: from - room, to: to + room } : { from: 0, to: 1 };
    if (this.#isFitted) this.#shown = this.#all;
  }

  fit(): void {
    this.#isFitted = true;
    this.#shown = this.#all;
  }

  x(time: number): number {
    const { from, to } = this.#shown;
    return ((time - from) / (to - from)) * this.width;
  }

  time(x: number): number {
    const { from, to } = this.#shown;
    return from + (x / this.width) * (to - from);
  }

  /** Shows more or less, with the time at `x` staying there. */
  zoom(factor: number, x: number): void {
    const { from, to } = this.#shown;
    const length = Math.max((to - from) * factor, LEAST_MS);
    const at = this.time(x);
    const start = at - (x / this.width) * length;
    this.#show({ from: start, to: start + length });
  }

  /** Shows what is so many pixels to the right. */
  pan(pixels: number): void {
    const { from, to } = this.#shown;
    const by = (pixels / this.width) * (to - from);
    this.#show({ from: from + by, to: to + by });
  }

  /** Moves a span into view where it is not in it. */
  reveal({ from, to }: Span): void {
    const shown = this.#shown;
    if (from >= shown.from && to <= shown.to) return;
    const length = Math.max(shown.to - shown.from, (to - from) * (1 + 2 * MARGIN));
    const start = (from + to - length) / 2;
    this.#show({ from: start, to: start + length });
  }

  /** Not beyond what there is. */
  #show({ from, to }: Span): void {
    const all = this.#all;
    const length = to - from;
    if (length >= all.to - all.from) {
      this.fit();
      return;
    }
    this.#isFitted = false;
    const start = Math.min(Math.max(from, all.from), all.to - length);
    this.#shown = { from: start, to: start + length };
  }
}
