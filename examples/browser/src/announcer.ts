import { byId } from './dom.js';

/** The least time between two announcements of progress, in milliseconds. */
const PROGRESS_MS = 5000;

/** Tells those who listen to the page what happens. */
export class Announcer {
  readonly #region = byId('announcer');
  #toldAt = -Infinity;

  say(text: string): void {
    this.#toldAt = performance.now();
    this.#region.textContent = text;
  }

  /** Says how far something is, now and then. */
  progress(text: () => string): void {
    if (performance.now() - this.#toldAt >= PROGRESS_MS) this.say(text());
  }
}
