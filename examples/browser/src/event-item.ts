import type { EventJson } from 'logbraid';

import { element, visible } from './dom.js';
import { duration } from './format.js';
import { LANE_COLORS } from './result-row.js';

/** Characters of a message in its line; all of it is below. */
const MOST_MESSAGE = 500;

/** Labels that hold the level, in the order they are looked at. */
const LEVEL = ['level', 'severity', 'detected_level', 'log.level'];

/** Labels that hold the time: it is in the line already. */
const TIME = ['time', 'timestamp', '@timestamp', 'ts', 'date', 'msec'];

/** One event of a result: a line that opens. */
export interface EventItem {
  event: EventJson;
  /** What it was made of. */
  raw: unknown;
  /** Milliseconds since the first event of the result. */
  offset: number;
  lane: number;
  /** The name of the lane. */
  stream: string;
  /** The join keys of the result. */
  keys: Readonly<Record<string, string>>;
}

export function eventItem({ event, raw, offset, lane, stream, keys }: EventItem): HTMLElement {
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
        visible(stream),
      ),
      level !== '' &&
        element('span', { class: `level ${levelClass(level)}` }, visible(level.slice(0, 20))),
      element('span', { class: 'message' }, visible(messageOf(event, keys))),
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

/** What an event says; one without a message, such as an access log line, says its labels. */
function messageOf({ message, labels }: EventJson, keys: object): string {
  if (message !== '') return message.slice(0, MOST_MESSAGE);
  const said = Object.entries(labels).filter(
    ([name]) => ![...LEVEL, ...TIME].includes(name) && !Object.hasOwn(keys, name),
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

export function labelList(labels: Readonly<Record<string, string>>): HTMLElement {
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
