import type { Inspection } from 'logbraid';

import { byId, element, setText, visible } from './dom.js';
import { bytes, duration, moment, number, plural } from './format.js';
import type { Source, Sources } from './sources.js';

/** Labels of a source that are listed. */
const MOST_LABELS = 100;

/** The list of sources. */
export class SourcesPanel {
  readonly #sources: Sources;
  readonly #list = byId('sources');
  readonly #cards = new Map<Source, Card>();

  constructor(sources: Sources) {
    this.#sources = sources;
  }

  /** Shows what has changed of one source, or which there are. */
  update(source: Source | undefined): void {
    if (source) {
      this.#cards.get(source)?.update();
      return;
    }
    const all = this.#sources.all;
    for (const [gone, { root }] of this.#cards) {
      if (all.includes(gone)) continue;
      root.remove();
      this.#cards.delete(gone);
    }
    for (const one of all) {
      if (this.#cards.has(one)) continue;
      const card = new Card(one, this.#sources, () => {
        this.#remove(one);
      });
      this.#cards.set(one, card);
      this.#list.append(card.root);
    }
    byId('no-sources').hidden = all.length > 0;
  }

  /** Takes a source away; the keyboard goes on at the next one. */
  #remove(source: Source): void {
    const all = this.#sources.all;
    const next = all[all.indexOf(source) + 1] ?? all[all.indexOf(source) - 1];
    this.#sources.remove(source);
    (next ? this.#cards.get(next)?.name : byId('pick'))?.focus();
  }
}

/** One source. */
class Card {
  readonly root: HTMLElement;
  readonly name: HTMLInputElement;
  readonly #source: Source;
  readonly #facts = element('div', { class: 'facts' });
  readonly #problem: HTMLElement;
  readonly #remove: HTMLButtonElement;

  constructor(source: Source, sources: Sources, remove: () => void) {
    this.#source = source;
    const { file } = source;
    this.#problem = element('p', { class: 'problem', role: 'alert' });
    this.#remove = element('button', { type: 'button', class: 'quiet icon' }, '×');
    this.#remove.addEventListener('click', remove);
    this.name = element('input', {
      type: 'text',
      class: 'code',
      spellcheck: 'false',
      autocomplete: 'off',
      'aria-label': `Name of ${file.name} in queries`,
    });
    this.name.addEventListener('change', () => {
      const problem = sources.rename(source, this.name.value.trim());
      setText(this.#problem, problem ?? '');
      this.name.setAttribute('aria-invalid', String(problem !== undefined));
    });
    this.root = element(
      'li',
      { class: 'source' },
      element('div', { class: 'source-head' }, this.name, this.#remove),
      this.#problem,
      element('p', { class: 'source-file' }, `${visible(file.name)} · ${bytes(file.size)}`),
      this.#facts,
    );
    this.update();
  }

  update(): void {
    const { name, state, file } = this.#source;
    this.name.value = name;
    this.#remove.setAttribute('aria-label', `Remove ${name}`);
    if (state.type === 'reading') {
      let bar = this.#facts.querySelector('progress');
      if (!bar) {
        bar = element('progress', { 'aria-label': `Looking into ${file.name}` });
        this.#facts.replaceChildren(bar);
      }
      bar.max = file.size;
      bar.value = state.bytes;
    } else if (state.type === 'failed') {
      const told = `It cannot be read: ${visible(state.message)}`;
      this.#facts.replaceChildren(element('p', { class: 'problem' }, told));
    } else if (this.#facts.dataset['inspected'] === undefined) {
      this.#facts.dataset['inspected'] = '';
      this.#facts.replaceChildren(...facts(state.inspection));
    }
  }
}

function facts(found: Inspection): Node[] {
  const { format, events, badLines, outOfOrder, firstTime, lastTime, labels, moreLabels } = found;
  if (format === null) {
    return [
      element('p', { class: 'problem' }, 'No events: no line has a time that could be read.'),
    ];
  }
  const shown: Node[] = [
    element('p', {}, element('b', {}, format), ` · ${plural(events, 'event')}`),
  ];
  if (firstTime !== null && lastTime !== null) {
    const [from, to] = [Date.parse(firstTime), Date.parse(lastTime)];
    const span = duration(found.spanNs / 1e6);
    const times = `${moment(from)} to ${moment(to)} UTC`;
    shown.push(element('p', { title: times }, `${moment(from).slice(0, 19)} UTC, ${span}`));
  }
  const [bad] = found.badLineSamples;
  if (bad) {
    const first = `the first is line ${number(bad.line)}: ${visible(bad.message)}`;
    shown.push(element('p', { class: 'warning' }, `${plural(badLines, 'bad line')}, ${first}`));
  }
  if (outOfOrder > 0) {
    shown.push(element('p', {}, `${plural(outOfOrder, 'event')} older than the one before`));
  }
  if (labels.length > 0) {
    const items = labels.slice(0, MOST_LABELS).map(({ name, values, only }) => {
      const count = values === null ? 'many values' : plural(values, 'value');
      const what = only === null ? count : `always ${visible(only.slice(0, 60))}`;
      return element('li', {}, element('code', {}, visible(name)), ` ${what}`);
    });
    const count = `${plural(labels.length, 'label')}${moreLabels ? ' and more' : ''}`;
    shown.push(
      element(
        'details',
        {},
        element('summary', {}, count),
        element('ul', { tabindex: 0, 'aria-label': count }, ...items),
      ),
    );
  }
  return shown;
}
