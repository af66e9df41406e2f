import { element, visible } from './dom.js';
import { clock, duration, plural } from './format.js';
import type { Results } from './results.js';

/** Characters of a key that a row shows: there is no room for more. */
const MOST_KEY = 200;

/** What a row of the list says of a result. */
export function resultRow(results: Results, index: number): Node[] {
  const { correlation } = results.get(index);
  const { events, labels } = correlation;
  const span = duration(results.end(index) - results.start(index));
  const labelled = Object.entries(labels).map(([name, value]) => `${name}=${value}`);
  const facts = [clock(results.start(index)), span, plural(events.length, 'event'), ...labelled];
  const counts = results.laneCounts(index);
  return [
    element(
      'div',
      { class: 'result-head' },
      element('span', { class: 'key code' }, keyOf(correlation).slice(0, MOST_KEY)),
      ...badges(results, index),
    ),
    element(
      'div',
      { class: 'result-facts' },
      element('span', { class: 'cut' }, visible(facts.join(' · '))),
      element(
        'span',
        { class: 'lanes' },
        ...results.lanes.map((lane, at) => laneCount(visible(lane), at, counts[at] ?? 0)),
      ),
    ),
  ];
}

/** `request_id=…`, or that there is none. */
export function keyOf({ joinKey, joinValue }: { joinKey: string; joinValue: string }): string {
  return joinValue === '' ? 'no key' : visible(`${joinKey}=${joinValue}`);
}

/** What is to be known of a result before all else. */
export function badges(results: Results, index: number): Node[] {
  return [
    ...(results.isPartial(index)
      ? [element('span', { class: 'badge is-partial' }, 'partial')]
      : []),
    ...(results.isTruncated(index)
      ? [element('span', { class: 'badge is-truncated' }, 'truncated')]
      : []),
  ];
}

function laneCount(lane: string, at: number, count: number): Node {
  const dot = element('span', {
    class: `dot lane-${at % LANE_COLORS}${count === 0 ? ' is-missing' : ''}`,
    'aria-hidden': 'true',
  });
  const told = element('span', { class: 'hidden' }, ` in ${lane}, `);
  return element('span', { class: 'lane-count', title: lane }, dot, String(count), told);
}

/** Lanes that have a color of their own. */
export const LANE_COLORS = 6;
