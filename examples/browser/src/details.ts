import type { CorrelationJson, EventJson } from 'logbraid';

import { byId, element, visible } from './dom.js';
import { duration, moment, plural } from './format.js';
import { LANE_COLORS, badges, keyOf } from './result-row.js';
import type { Result, Results } from './results.js';
import { missingLanes } from './timeline-picture.js';

/** Events that are shown at once; a correlation may have thousands. */
const PAGE = 200;

/** Characters of a message in its line; all of it is below. */
const MOST_MESSAGE = 500;

/** Labels that hold the level, in the order they are looked at. */
const LEVEL = ['level', 'severity', 'detected_level', 'log.level'];

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
      const raw = result.raws[begin + at] ?? '';
      const offset = this.#results.timeOf(mark) - began;
      return eventItem(event, raw, offset, this.#results.laneOf(mark), result.correlation);
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

function eventItem(
  event: EventJson,
  raw: unknown,
  offset: number,
  lane: number,
  { joinKeys }: CorrelationJson,
): HTMLElement {
  const { labels } = event;
  const name = LEVEL.find((one) => Object.hasOwn(labels, one)) ?? '';
  const level = labels[name] ?? '';
  const details = element(
    'details',
    {},
    element(
      'summary',
      {},
      element('span', { class: 'offset' }, `+${duration(offset)}`),
      element(
        'span',
        { class: 'stream' },
        element('span', { class: `dot lane-${lane % LANE_COLORS}`, 'aria-hidden': 'true' }),
        visible(event.alias ?? event.source),
      ),
      level !== '' &&
        element('span', { class: `level ${levelClass(level)}` }, visible(level.slice(0, 20))),
      element('span', { class: 'message' }, visible(messageOf(event, joinKeys))),
    ),
  );
  details.addEventListener(
    'toggle',
    () => {
      const text = typeof raw === 'string' ? raw : JSON.stringify(raw, null, 2);
      const isCut = event.message.length > MOST_MESSAGE;
      const facts = { time: event.timestamp, stream: event.stream };
      details.append(
        labelList({ ...facts, ...(isCut && { message: event.message }) }),
        element('h4', {}, 'Labels'),
        labelList(labels),
        element('h4', {}, 'Raw'),
        element('pre', { tabindex: 0 }, visible(text)),
      );
    },
    { once: true },
  );
  return element('li', { class: 'event' }, details);
}

/** What an event says; one without a message, such as an access log line, says its labels, less the keys. */
function messageOf({ message, labels }: EventJson, keys: object): string {
  if (message !== '') return message.slice(0, MOST_MESSAGE);
  const said = Object.entries(labels).filter(
    ([name]) => !LEVEL.includes(name) && !Object.hasOwn(keys, name),
  );
  return said
    .map(([name, value]) => `${name}=${value}`)
    .join(' ')
    .slice(0, MOST_MESSAGE);
}

function levelClass(level: string): string {
  if (/^(?:fatal|panic|crit|alert|emerg|err)/i.test(level)) return 'is-error';
  return /^warn/i.test(level) ? 'is-warning' : '';
}

function labelList(labels: Readonly<Record<string, string>>): HTMLElement {
  const rows = Object.entries(labels).map(([name, value]) =>
    element(
      'div',
      {},
      element('dt', {}, visible(name)),
      element('dd', { class: 'code' }, visible(value)),
    ),
  );
  return element('dl', { class: 'labels' }, ...rows);
}
