import { byId, element, setText, visible } from './dom.js';
import { moment, plural } from './format.js';
import { keyOf, LANE_COLORS } from './result-row.js';
import type { Results } from './results.js';
import type { Shown } from './shown.js';
import { axisLabels } from './timeline-axis.js';
import { LANE, TimelineCanvas, readColors } from './timeline-canvas.js';
import type { Colors } from './timeline-canvas.js';
import { pictureOf, resultAt } from './timeline-picture.js';
import type { Picture } from './timeline-picture.js';
import { TimelineView } from './timeline-view.js';

/** How near the pointer has to be, in pixels. */
const REACH = 12;

/** How much a key or a button zooms, and which part of the view a key pans. */
const ZOOM = 0.5;
const PAN = 0.25;

/** The results over time, a lane for each stream. */
export class Timeline {
  readonly #root = byId('timeline');
  readonly #axis = byId('timeline-axis');
  readonly #tip = byId('timeline-tip');
  readonly #canvas = byId('timeline-canvas', HTMLCanvasElement);
  readonly #drawing = new TimelineCanvas(this.#canvas);
  readonly #view = new TimelineView();
  readonly #results: Results;
  readonly #shown: Shown;
  readonly #select: (index: number) => void;
  #colors: Colors = readColors();
  #picture: Picture = { type: 'strands', results: [] };
  /** The results that are shown by their beginning; made when it is needed. */
  #byStart: number[] | undefined;
  #selected: number | undefined;
  #hovered: number | undefined;
  #scheduled = false;

  constructor(results: Results, shown: Shown, select: (index: number) => void) {
    this.#results = results;
    this.#shown = shown;
    this.#select = select;
    new ResizeObserver(() => {
      this.#schedule();
    }).observe(this.#canvas);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
      this.#colors = readColors();
      this.#schedule();
    });
    this.#listen();
  }

  /** A query begins: lanes are made. */
  start(): void {
    const names = this.#results.lanes.map((lane, at) =>
      element(
        'li',
        { title: lane },
        element('span', { class: `dot lane-${at % LANE_COLORS}`, 'aria-hidden': 'true' }),
        element('span', { class: 'cut' }, visible(lane)),
      ),
    );
    byId('timeline-lanes').replaceChildren(...names);
    this.#root.hidden = false;
    byId('no-timeline').hidden = true;
    this.#selected = this.#hovered = undefined;
    this.#view.fit();
    this.update();
  }

  /** Other results are shown, or more. */
  update(): void {
    this.#byStart = undefined;
    this.#view.setAll(this.#results);
    this.#schedule();
  }

  select(index: number | undefined): void {
    this.#selected = index;
    if (index !== undefined) {
      const [from, to] = [this.#results.start(index), this.#results.end(index)];
      this.#view.reveal({ from, to });
    }
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
    const [results, view] = [this.#results, this.#view];
    view.width = Math.max(this.#canvas.clientWidth, 1);
    this.#picture = pictureOf(results, this.#shown, view);
    const [hovered, selected] = [this.#hovered, this.#selected];
    this.#drawing.draw(results, view, this.#picture, this.#colors, { hovered, selected });
    this.#axis.replaceChildren(...(results.length > 0 ? axisLabels(view) : []));
    this.#root.dataset['picture'] = this.#picture.type;
  }

  #listen(): void {
    const canvas = this.#canvas;
    canvas.addEventListener(
      'wheel',
      (event) => {
        event.preventDefault();
        const sideways = event.shiftKey ? event.deltaY : event.deltaX;
        if (Math.abs(sideways) > Math.abs(event.deltaY) || event.shiftKey) this.#view.pan(sideways);
        else this.#view.zoom(Math.exp(event.deltaY / 300), event.offsetX);
        this.#schedule();
      },
      { passive: false },
    );
    let dragged: number | undefined;
    let hasMoved = false;
    canvas.addEventListener('pointerdown', (event) => {
      dragged = event.offsetX;
      hasMoved = false;
    });
    canvas.addEventListener('pointermove', (event) => {
      if (dragged === undefined) {
        this.#hover(event);
        return;
      }
      if (!hasMoved && Math.abs(event.offsetX - dragged) < 4) return;
      if (!hasMoved) canvas.setPointerCapture(event.pointerId);
      hasMoved = true;
      this.#view.pan(dragged - event.offsetX);
      dragged = event.offsetX;
      this.#leave();
    });
    canvas.addEventListener('pointerup', (event) => {
      dragged = undefined;
      const found = hasMoved ? undefined : this.#at(event);
      if (found !== undefined) this.#select(found);
    });
    canvas.addEventListener('pointercancel', () => {
      dragged = undefined;
    });
    canvas.addEventListener('pointerleave', () => {
      this.#leave();
    });
    this.#root.addEventListener('keydown', (event) => {
      if (this.#obey(event)) event.preventDefault();
    });
    for (const [id, key] of [
      ['zoom-in', '+'],
      ['zoom-out', '-'],
      ['zoom-fit', '0'],
    ] as const) {
      byId(id).addEventListener('click', () => {
        this.#obey({ key, shiftKey: false });
      });
    }
  }

  #at({ offsetX, offsetY }: PointerEvent): number | undefined {
    const lane = Math.floor(offsetY / LANE);
    const [results, shown, view] = [this.#results, this.#shown, this.#view];
    return resultAt(results, shown, view, this.#picture, offsetX, lane, REACH);
  }

  #hover(event: PointerEvent): void {
    const found = this.#at(event);
    if (found !== this.#hovered) {
      this.#hovered = found;
      this.#schedule();
    }
    this.#tip.hidden = found === undefined;
    if (found === undefined) return;
    setText(this.#tip, tell(this.#results, found));
    const right = this.#view.width - this.#tip.offsetWidth;
    const x = Math.max(Math.min(event.offsetX + REACH, right), 0);
    const above = event.offsetY - REACH - this.#tip.offsetHeight;
    const y = above >= 0 ? above : event.offsetY + REACH;
    this.#tip.style.transform = `translate(${x}px, ${y}px)`;
  }

  #leave(): void {
    this.#hovered = undefined;
    this.#tip.hidden = true;
    this.#schedule();
  }

  /** Does what a key says; says whether it says anything. */
  #obey({ key, shiftKey }: Pick<KeyboardEvent, 'key' | 'shiftKey'>): boolean {
    const view = this.#view;
    const selected =
      this.#selected === undefined ? NaN : view.x(this.#results.start(this.#selected));
    const center = selected >= 0 && selected <= view.width ? selected : view.width / 2;
    if (key === '+' || key === '=') view.zoom(ZOOM, center);
    else if (key === '-') view.zoom(1 / ZOOM, center);
    else if (key === '0') view.fit();
    else if (key === 'ArrowLeft' && shiftKey) view.pan(-PAN * view.width);
    else if (key === 'ArrowRight' && shiftKey) view.pan(PAN * view.width);
    else if (key === 'ArrowLeft') this.#step((at) => at - 1);
    else if (key === 'ArrowRight') this.#step((at) => at + 1);
    else if (key === 'Home') this.#step(() => 0);
    else if (key === 'End') this.#step((_, last) => last);
    else return false;
    this.#schedule();
    return true;
  }

  /** Selects another result, by the order in which they begin. */
  #step(to: (at: number, last: number) => number): void {
    const order = (this.#byStart ??= this.#order());
    const last = order.length - 1;
    const at = this.#selected === undefined ? -1 : order.indexOf(this.#selected);
    const found = order[Math.min(Math.max(to(at, last), 0), last)];
    if (found !== undefined) this.#select(found);
  }

  #order(): number[] {
    const shown = Array.from({ length: this.#shown.length }, (_, row) => this.#shown.at(row));
    return shown.sort((a, b) => this.#results.start(a) - this.#results.start(b) || a - b);
  }
}

function tell(results: Results, index: number): string {
  const { correlation } = results.get(index);
  const partial = results.isPartial(index) ? ', partial' : '';
  const begun = moment(results.start(index));
  return `${keyOf(correlation)}\n${begun}, ${plural(correlation.events.length, 'event')}${partial}`;
}
