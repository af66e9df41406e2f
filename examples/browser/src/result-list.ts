import {
  Virtualizer,
  elementScroll,
  observeElementOffset,
  observeElementRect,
} from '@tanstack/virtual-core';

import { byId, element } from './dom.js';
import { resultRow } from './result-row.js';
import type { Results } from './results.js';
import type { Shown } from './shown.js';

/** Height of a row, as the style sheet has it. */
const ROW = 52;

const OVERSCAN = 6;

/** The results that are shown, as a list of which only what can be seen is in the page. */
export class ResultList {
  readonly #root = byId('results');
  readonly #space = byId('results-space');
  readonly #results: Results;
  readonly #shown: Shown;
  readonly #select: (index: number) => void;
  readonly #rows = new Map<number, HTMLElement>();
  readonly #virtualizer: Virtualizer<HTMLElement, HTMLElement>;
  #selected: number | undefined;

  /** `select` is told the result that is chosen, `open` that its details are wanted. */
  constructor(results: Results, shown: Shown, select: (index: number) => void, open: () => void) {
    this.#results = results;
    this.#shown = shown;
    this.#select = select;
    this.#virtualizer = new Virtualizer<HTMLElement, HTMLElement>({
      count: 0,
      getScrollElement: () => this.#root,
      estimateSize: () => ROW,
      overscan: OVERSCAN,
      scrollToFn: elementScroll,
      observeElementRect,
      observeElementOffset,
      onChange: () => {
        this.#draw();
      },
    });
    this.#virtualizer._didMount();
    this.#virtualizer._willUpdate();
    this.#root.addEventListener('keydown', (event) => {
      if (event.key === 'Enter') open();
      else if (this.#move(event)) event.preventDefault();
    });
    this.#space.addEventListener('click', ({ target }) => {
      const row = target instanceof Element ? target.closest<HTMLElement>('[data-row]') : null;
      if (row) this.#select(this.#shown.at(Number(row.dataset['row'])));
    });
  }

  /** Shows what there is now; rows are made anew where `anew` says that other results are shown. */
  update(anew = false): void {
    if (anew) {
      for (const row of this.#rows.values()) row.remove();
      this.#rows.clear();
    }
    const { options } = this.#virtualizer;
    if (options.count !== this.#shown.length) {
      this.#virtualizer.setOptions({ ...options, count: this.#shown.length });
      this.#virtualizer._willUpdate();
    }
    this.#draw();
  }

  scrollToStart(): void {
    this.#virtualizer.scrollToOffset(0);
  }

  /** Marks a result as the selected one, and brings it into view. */
  select(index: number | undefined): void {
    this.#selected = index;
    const row = this.#selectedRow;
    if (row >= 0) this.#virtualizer.scrollToIndex(row, { align: 'auto' });
    this.#draw();
  }

  focus(): void {
    this.#root.focus();
  }

  get #selectedRow(): number {
    return this.#selected === undefined ? -1 : this.#shown.rowOf(this.#selected);
  }

  #draw(): void {
    const count = this.#shown.length;
    this.#space.style.height = `${this.#virtualizer.getTotalSize()}px`;
    const wanted = new Set(this.#virtualizer.getVirtualItems().map(({ index }) => index));
    const selected = this.#selectedRow;
    // It stays in the page, wherever the list is scrolled to: assistive technology is at it.
    if (selected >= 0) wanted.add(selected);
    for (const [row, gone] of this.#rows) {
      if (wanted.has(row)) continue;
      gone.remove();
      this.#rows.delete(row);
    }
    for (const row of wanted) {
      let shown = this.#rows.get(row);
      if (!shown) {
        const index = this.#shown.at(row);
        shown = element(
          'div',
          { role: 'option', id: `result-${row}`, 'data-row': row, 'aria-posinset': row + 1 },
          ...resultRow(this.#results, index),
        );
        shown.className = this.#results.isPartial(index) ? 'result partial' : 'result';
        shown.style.transform = `translateY(${row * ROW}px)`;
        this.#rows.set(row, shown);
        this.#insert(row, shown);
      }
      shown.setAttribute('aria-setsize', String(count));
      shown.setAttribute('aria-selected', String(row === selected));
    }
    if (selected >= 0) {
      this.#root.setAttribute('aria-activedescendant', `result-${selected}`);
    } else {
      this.#root.removeAttribute('aria-activedescendant');
    }
  }

  /** In the order of the rows, which is the order in which they are read out. */
  #insert(row: number, made: HTMLElement): void {
    let next: number | undefined;
    for (const other of this.#rows.keys()) {
      if (other > row && (next === undefined || other < next)) next = other;
    }
    this.#space.insertBefore(made, next === undefined ? null : (this.#rows.get(next) ?? null));
  }

  /** Moves the selection as a key says; says whether one did. */
  #move({ key }: KeyboardEvent): boolean {
    const last = this.#shown.length - 1;
    const row = this.#selectedRow;
    const page = Math.max(Math.floor(this.#root.clientHeight / ROW) - 1, 1);
    const target = {
      ArrowDown: row + 1,
      ArrowUp: row < 0 ? 0 : row - 1,
      PageDown: row + page,
      PageUp: row - page,
      Home: 0,
      End: last,
    }[key];
    if (target === undefined || last < 0) return false;
    this.#select(this.#shown.at(Math.min(Math.max(target, 0), last)));
    return true;
  }
}
