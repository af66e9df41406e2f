import type { CorrelationJson } from 'logbraid';

import { byId, element, visible } from './dom.js';
import { duration, moment, plural } from './format.js';
import { eventItem, labelList } from './event-item.js';
import { badges, keyOf } from './result-row.js';
import type { Result, Results } from './results.js';
import { missingLanes } from './timeline-picture.js';

/** Events that are shown at once; a correlation may have thousands. */
const PAGE = 200;

/** All of one result. */
export class Details {
  readonly #root = byId('details');
  readonly #results: Results;

  constructor(results: Results) {
    this.#results = results;
  }

  show(index: number | undefined): void {
    byId('no-details').hidden = index !== undefined;
    this.#root.hidden = index === undefined;
    if (index === undefined) {
      this.#root.replaceChildren();
      return;
    }
    const result = this.#results.get(index);
    const events = element('ol', { class: 'events' });
    this.#root.replaceChildren(...this.#head(result.correlation, index), events);
    this.#root.scrollTop = 0;
    this.#more(events, result, index, 0);
  }

  focus(): void {
    this.#root.focus();
  }

  #head(correlation: CorrelationJson, index: number): Node[] {
    const [results, { events, labels, joinKeys }] = [this.#results, correlation];
    const [from, to] = [results.start(index), results.end(index)];
    const facts = [
      `${moment(from)} UTC`,
      duration(to - from),
      plural(events.length, 'event'),
      `id ${correlation.correlationId}`,
    ];
    const isPartial = results.isPartial(index);
    const others = { ...joinKeys, ...labels };
    const only = Object.keys(others).length === 1 && correlation.joinKey in others;
    return [
      element('h3', { class: 'code key' }, keyOf(correlation)),
      element(
        'p',
        { class: 'facts' },
        ...badges(results, index),
        ...(isPartial ? [] : [element('span', { class: 'badge' }, 'complete')]),
        ` ${facts.join(' · ')}`,
      ),
      ...(only ? [] : [labelList(others)]),
      ...(isPartial ? [element('p', { class: 'absence' }, ...this.#absence(index))] : []),
      ...(correlation.truncated
        ? [
            element(
              'p',
              { class: 'absence' },
              'Truncated: it reached a bound, and may lack events.',
            ),
          ]
        : []),
    ];
  }

  #absence(index: number): (Node | string)[] {
    const names = missingLanes(this.#results, index).map((lane) => this.#results.lanes[lane] ?? '');
    const listed = names.flatMap((name, at) => [
      ...(at > 0 ? [', '] : []),
      element('b', {}, visible(name)),
    ]);
    const certain =
      ' matches. This is certain: the last moment at which one could come has passed.';
    return ['No event of ', ...listed, certain];
  }

  /** Shows the events of a page, and a button for those that follow. */
  #more(list: HTMLElement, result: Result, index: number, begin: number): void {
    const { events } = result.correlation;
    const first = this.#results.firstMark(index);
    const began = this.#results.timeOf(first);
    const end = Math.min(begin + PAGE, events.length);
    const items = events.slice(begin, end).map((event, at) => {
      const mark = first + begin + at;
      const lane = this.#results.laneOf(mark);
      return eventItem({
        event,
        raw: result.raws[begin + at],
        offset: this.#results.timeOf(mark) - began,
        lane,
        stream: this.#results.lanes[lane] ?? '',
        keys: result.correlation.joinKeys,
      });
    });
    list.append(...items);
    if (end === events.length) return;
    const button = element(
      'button',
      { type: 'button' },
      `Show more of ${plural(events.length, 'event')}`,
    );
    const item = element('li', {}, button);
    button.addEventListener('click', () => {
      item.remove();
      this.#more(list, result, index, end);
      list.children.item(end)?.querySelector('summary')?.focus();
    });
    list.append(item);
  }
}
