import type { Results } from './results.js';
import type { Shown } from './shown.js';
import type { TimelineView } from './timeline-view.js';

/** Most results, and most of their events, that are drawn one by one. */
const MOST_RESULTS = 400;
const MOST_MARKS = 2000;

/** Width of a bar of a picture that shows how many there are, in pixels. */
export const BAR = 4;

/** What a timeline shows: each result by itself, or how many events there are in each place. */
export type Picture =
  | { type: 'strands'; results: number[] }
  | {
      type: 'density';
      /** By lane and place, the events, and the partial results that have none in the lane. */
      events: Uint32Array[];
      missing: Uint32Array[];
      /** The most in one place. */
      most: number;
    };

/** What there is to draw of the results that are shown. */
export function pictureOf(results: Results, shown: Shown, view: TimelineView): Picture {
  const inView = resultsInView(results, shown, view);
  return inView ? { type: 'strands', results: inView } : densityOf(results, shown, view);
}

/** Those in view; `undefined` where they are too many to be told apart. */
function resultsInView(results: Results, shown: Shown, view: TimelineView): number[] | undefined {
  const { from, to } = view.shown;
  const found: number[] = [];
  let marks = 0;
  for (let row = 0; row < shown.length; row += 1) {
    const index = shown.at(row);
    if (results.end(index) < from || results.start(index) > to) continue;
    found.push(index);
    marks += results.endMark(index) - results.firstMark(index);
    if (found.length > MOST_RESULTS || marks > MOST_MARKS) return undefined;
  }
  return found;
}

function densityOf(results: Results, shown: Shown, view: TimelineView): Picture {
  const places = Math.max(Math.ceil(view.width / BAR), 1);
  const events = results.lanes.map(() => new Uint32Array(places));
  const missing = results.lanes.map(() => new Uint32Array(places));
  const place = (time: number) => Math.floor(view.x(time) / BAR);
  let most = 0;
  const count = (lane: Uint32Array | undefined, at: number) => {
    if (!lane || at < 0 || at >= places) return;
    const now = (lane[at] ?? 0) + 1;
    lane[at] = now;
    most = Math.max(most, now);
  };
  for (let row = 0; row < shown.length; row += 1) {
    const index = shown.at(row);
    for (let mark = results.firstMark(index); mark < results.endMark(index); mark += 1) {
      count(events[results.laneOf(mark)], place(results.timeOf(mark)));
    }
    if (!results.isPartial(index)) continue;
    for (const lane of missingLanes(results, index)) {
      count(missing[lane], place(results.start(index)));
    }
  }
  return { type: 'density', events, missing, most };
}

/** The lanes in which a result has no event. */
export function missingLanes(results: Results, index: number): number[] {
  const counts = results.laneCounts(index);
  return [...counts.keys()].filter((lane) => counts[lane] === 0);
}

/** The result that is nearest to a place, no farther than `reach` pixels in each direction. */
export function resultAt(
  results: Results,
  shown: Shown,
  view: TimelineView,
  picture: Picture,
  x: number,
  lane: number,
  reach: number,
): number | undefined {
  let nearest: number | undefined;
  let least = reach;
  const consider = (index: number) => {
    for (let mark = results.firstMark(index); mark < results.endMark(index); mark += 1) {
      // A result can be had in every lane, but first in those of its events.
      const away = results.laneOf(mark) === lane ? 0 : 1;
      const distance = Math.abs(view.x(results.timeOf(mark)) - x) + away;
      if (distance >= least) continue;
      least = distance;
      nearest = index;
    }
  };
  if (picture.type === 'strands') picture.results.forEach(consider);
  else for (let row = 0; row < shown.length; row += 1) consider(shown.at(row));
  return nearest;
}
