import { LANE_COLORS } from './result-row.js';
import type { Results } from './results.js';
import { BAR, missingLanes } from './timeline-picture.js';
import type { Picture } from './timeline-picture.js';
import type { TimelineView } from './timeline-view.js';

/** Height of a lane, as the style sheet has it. */
export const LANE = 44;

/** Height of the largest bar. */
const TALLEST = 34;

const POINT = 3;

/** The colors of the style sheet, which knows whether it is dark. */
export interface Colors {
  lanes: string[];
  surface: string;
  line: string;
  text: string;
  partial: string;
}

export function readColors(): Colors {
  const style = getComputedStyle(document.documentElement);
  const color = (name: string) => style.getPropertyValue(`--${name}`).trim();
  return {
    lanes: Array.from({ length: LANE_COLORS }, (_, lane) => color(`lane-${lane}`)),
    surface: color('surface'),
    line: color('line'),
    text: color('text'),
    partial: color('partial'),
  };
}

/** Draws a timeline. Shapes only: what is to be read is text of the page. */
export class TimelineCanvas {
  readonly #canvas: HTMLCanvasElement;
  readonly #context: CanvasRenderingContext2D;

  constructor(canvas: HTMLCanvasElement) {
    const context = canvas.getContext('2d');
    if (!context) throw new Error('this browser cannot draw');
    this.#canvas = canvas;
    this.#context = context;
  }

  /** Draws a picture, and above it the results that are pointed at and selected. */
  draw(
    results: Results,
    view: TimelineView,
    picture: Picture,
    colors: Colors,
    { hovered, selected }: { hovered: number | undefined; selected: number | undefined },
  ): void {
    const context = this.#context;
    this.#clear(view.width, Math.max(results.lanes.length, 1) * LANE, colors);
    this.#lines(results, view, colors);
    if (picture.type === 'density') this.#density(picture, colors);
    else for (const index of picture.results) this.#strand(results, index, view, colors, false);
    if (hovered !== undefined && hovered !== selected) {
      this.#strand(results, hovered, view, colors, true);
    }
    if (selected !== undefined) {
      const from = view.x(results.start(selected)) - 2 * POINT;
      const to = view.x(results.end(selected)) + 2 * POINT;
      context.fillStyle = colors.text;
      context.globalAlpha = 0.1;
      context.fillRect(from, 0, to - from, this.#canvas.height);
      this.#strand(results, selected, view, colors, true);
    }
  }

  #clear(width: number, height: number, { surface }: Colors): void {
    const canvas = this.#canvas;
    const scale = window.devicePixelRatio;
    const [wide, high] = [Math.round(width * scale), Math.round(height * scale)];
    if (canvas.width !== wide || canvas.height !== high) {
      canvas.width = wide;
      canvas.height = high;
      canvas.style.height = `${height}px`;
    }
    this.#context.setTransform(scale, 0, 0, scale, 0, 0);
    this.#context.fillStyle = surface;
    this.#context.fillRect(0, 0, width, height);
  }

  #lines({ lanes }: Results, { width }: TimelineView, { line }: Colors): void {
    const context = this.#context;
    context.fillStyle = line;
    for (const lane of lanes.keys()) context.fillRect(0, (lane + 1) * LANE - 1, width, 1);
  }

  #density(picture: Picture & { type: 'density' }, colors: Colors): void {
    const context = this.#context;
    const { events, missing, most } = picture;
    // By the root, so that few are seen beside many.
    const height = (count: number) => Math.max(Math.sqrt(count / most) * TALLEST, 2);
    for (const [lane, counts] of events.entries()) {
      const bottom = (lane + 1) * LANE - 1;
      context.fillStyle = colorOf(colors, lane);
      for (const [place, count] of counts.entries()) {
        if (count > 0)
          context.fillRect(place * BAR, bottom - height(count), BAR - 1, height(count));
      }
      context.strokeStyle = colors.partial;
      context.lineWidth = 1;
      for (const [place, count] of (missing[lane] ?? []).entries()) {
        if (count === 0) continue;
        const tall = Math.round(height(count));
        context.strokeRect(place * BAR + 0.5, bottom - tall - 0.5, BAR - 2, tall);
      }
    }
  }

  /** One result: its events, and what leads from each to the next; where it has none, a ring. */
  #strand(
    results: Results,
    index: number,
    view: TimelineView,
    colors: Colors,
    isStrong: boolean,
  ): void {
    const context = this.#context;
    const [first, end] = [results.firstMark(index), results.endMark(index)];
    context.globalAlpha = isStrong ? 1 : 0.45;
    context.lineWidth = isStrong ? 1.5 : 1;
    context.strokeStyle = colors.text;
    context.beginPath();
    for (let mark = first; mark < end; mark += 1) {
      const [x, y] = [view.x(results.timeOf(mark)), middle(results.laneOf(mark))];
      if (mark === first) {
        context.moveTo(x, y);
        continue;
      }
      const [beforeX, beforeY] = [
        view.x(results.timeOf(mark - 1)),
        middle(results.laneOf(mark - 1)),
      ];
      const half = (beforeY + y) / 2;
      context.bezierCurveTo(beforeX, half, x, half, x, y);
    }
    context.stroke();
    if (results.isPartial(index)) this.#absence(results, index, view, colors, isStrong);
    context.globalAlpha = isStrong ? 1 : 0.85;
    for (let mark = first; mark < end; mark += 1) {
      const lane = results.laneOf(mark);
      context.fillStyle = colorOf(colors, lane);
      this.#circle(view.x(results.timeOf(mark)), middle(lane), isStrong ? POINT + 1.5 : POINT);
      context.fill();
    }
    context.globalAlpha = 1;
  }

  #absence(
    results: Results,
    index: number,
    view: TimelineView,
    colors: Colors,
    isStrong: boolean,
  ): void {
    const context = this.#context;
    const x = view.x(results.start(index));
    const y = middle(results.laneOf(results.firstMark(index)));
    context.strokeStyle = colors.partial;
    for (const lane of missingLanes(results, index)) {
      context.setLineDash([2, 3]);
      context.beginPath();
      context.moveTo(x, y);
      context.lineTo(x, middle(lane));
      context.stroke();
      context.setLineDash([]);
      const alpha = context.globalAlpha;
      context.globalAlpha = 1;
      context.fillStyle = colors.surface;
      this.#circle(x, middle(lane), isStrong ? POINT + 1.5 : POINT);
      context.fill();
      context.lineWidth = 1.5;
      context.stroke();
      context.globalAlpha = alpha;
    }
  }

  #circle(x: number, y: number, radius: number): void {
    this.#context.beginPath();
    this.#context.arc(x, y, radius, 0, 2 * Math.PI);
  }
}

function middle(lane: number): number {
  return (lane + 0.5) * LANE;
}

function colorOf({ lanes }: Colors, lane: number): string {
  return lanes[lane % lanes.length] ?? '';
}
