import type { Correlation } from 'logbraid';

import type { Announcer } from './announcer.js';
import { Details } from './details.js';
import { byId, setText } from './dom.js';
import { save, toJson } from './download.js';
import { bytes, number, plural } from './format.js';
import { ResultList } from './result-list.js';
import { keyOf } from './result-row.js';
import { MAX_BYTES, MAX_RESULTS, Results } from './results.js';
import { Shown } from './shown.js';
import type { Filter } from './shown.js';
import { Timeline } from './timeline.js';

/** Time of a frame that filtering may take, in milliseconds. */
const FILTER_MS = 8;

/** What a query has found: as a list, over time, and one in detail. */
export class Findings {
  readonly results = new Results();
  readonly #shown = new Shown(this.results);
  readonly #details = new Details(this.results);
  readonly #list: ResultList;
  readonly #timeline: Timeline;
  readonly #announcer: Announcer;
  #selected: number | undefined;
  #scheduled = false;
  /** Whether the filter was changed, and what it lets through has yet to be said. */
  #isAsked = false;

  constructor(announcer: Announcer) {
    this.#announcer = announcer;
    const open = () => {
      if (this.#selected !== undefined) this.#details.focus();
    };
    this.#list = new ResultList(
      this.results,
      this.#shown,
      (index) => {
        this.#select(index);
      },
      open,
    );
    this.#timeline = new Timeline(this.results, this.#shown, (index) => {
      this.#select(index);
      announcer.say(this.#describe(index));
    });
    byId('timeline').addEventListener('keydown', ({ key }) => {
      if (key === 'Enter') open();
    });
    byId('filter').addEventListener('input', () => {
      this.#filter();
    });
    byId('completeness').addEventListener('change', () => {
      this.#filter();
    });
    byId('export-ndjson').addEventListener('click', () => void this.#export('ndjson'));
    byId('export-json').addEventListener('click', () => void this.#export('array'));
  }

  /** A query begins, with streams of these names. */
  start(lanes: readonly string[]): void {
    this.results.clear(lanes);
    this.#shown.restart();
    this.#select(undefined);
    this.#list.update(true);
    this.#list.scrollToStart();
    this.#timeline.start();
    this.#schedule();
  }

  add(correlation: Correlation): void {
    this.results.add(correlation);
    this.#schedule();
  }

  #select(index: number | undefined): void {
    this.#selected = index;
    this.#list.select(index);
    this.#timeline.select(index);
    this.#details.show(index);
  }

  #filter(): void {
    const chosen = document.querySelector<HTMLInputElement>('#completeness input:checked');
    this.#shown.restart({
      text: byId('filter', HTMLInputElement).value,
      completeness: (chosen?.value ?? 'all') as Filter['completeness'],
    });
    this.#isAsked = true;
    this.#select(undefined);
    this.#list.update(true);
    this.#list.scrollToStart();
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    requestAnimationFrame(() => {
      this.#scheduled = false;
      this.#draw();
    });
  }

  #draw(): void {
    const [shown, results] = [this.#shown, this.results];
    shown.advance(FILTER_MS);
    this.#list.update();
    this.#timeline.update();
    const isFiltered = shown.length !== results.length || results.length === 0;
    const of = isFiltered && results.length > 0 ? ` of ${number(results.length)}` : '';
    setText(byId('shown'), `${number(shown.length)}${of} shown`);
    setText(byId('unkept'), this.#unkept());
    byId('no-results').hidden = shown.length > 0;
    for (const id of ['export-ndjson', 'export-json']) {
      byId(id, HTMLButtonElement).disabled = shown.length === 0;
    }
    if (shown.isBehind) {
      this.#schedule();
    } else if (this.#isAsked) {
      this.#isAsked = false;
      this.#announcer.say(`${number(shown.length)}${of} shown`);
    }
  }

  /** Says that there is more than what is kept. */
  #unkept(): string {
    const { found, length } = this.results;
    if (found === length) return '';
    const bound =
      length === MAX_RESULTS ? number(MAX_RESULTS) : `${number(length)} (${bytes(MAX_BYTES)})`;
    return `The first ${bound} of ${number(found)} are kept; the others are counted.`;
  }

  #describe(index: number): string {
    const { correlation } = this.results.get(index);
    const partial = this.results.isPartial(index) ? ', partial' : '';
    const place = `${number(this.#shown.rowOf(index) + 1)} of ${number(this.#shown.length)}`;
    return `${keyOf(correlation)}${partial}, ${plural(correlation.events.length, 'event')}, ${place}`;
  }

  async #export(format: 'ndjson' | 'array'): Promise<void> {
    const content = await toJson(this.results, this.#shown, format);
    save(content, `correlations.${format === 'array' ? 'json' : 'ndjson'}`);
    this.#announcer.say(`${plural(this.#shown.length, 'result')} exported, ${bytes(content.size)}`);
  }
}
