import { utcTicks } from 'd3-time';

import { element } from './dom.js';
import { clock, moment } from './format.js';
import type { TimelineView } from './timeline-view.js';

/** Room that a label takes, in pixels. */
const LABEL = 96;

const DAY = 86_400_000;

/** Labels for the times that a view shows, in UTC. */
export function axisLabels(view: TimelineView): HTMLElement[] {
  const { from, to } = view.shown;
  const ticks = utcTicks(new Date(from), new Date(to), Math.max(Math.floor(view.width / LABEL), 2))
    .map(Number)
    .filter((time) => view.x(time) >= 0 && view.x(time) <= view.width - 0.75 * LABEL);
  const step = (ticks[1] ?? to) - (ticks[0] ?? from);
  return ticks.map((time) => {
    const label = element('span', {}, labelOf(time, step));
    label.style.transform = `translateX(${Math.round(view.x(time))}px)`;
    return label;
  });
}

function labelOf(time: number, step: number): string {
  if (step >= DAY || time % DAY === 0) return moment(time).slice(0, 10);
  return clock(time).slice(0, step < 1000 ? 12 : step < 60_000 ? 8 : 5);
}
