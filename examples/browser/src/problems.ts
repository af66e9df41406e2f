import type { RemoteEngine } from 'logbraid';

import { byId, element, setText, visible } from './dom.js';
import { duration, number, plural } from './format.js';

interface Problem {
  count: number;
  /** Says it, of so many. */
  tell: (count: number) => string;
}

/** What a query met on its way that may make its answer doubtful, each kind once, with a count. */
export class Problems {
  readonly #root = byId('problems', HTMLDetailsElement);
  readonly #list = byId('problem-list');
  readonly #problems = new Map<string, Problem>();
  #changed = false;

  constructor(engine: RemoteEngine) {
    engine.on('badLine', ({ source, code, message, line, count }) => {
      const at = line === undefined ? '' : `, the first is line ${number(line)}`;
      this.#note(`${source} ${code}`, count, (all) => {
        return `${source}: ${plural(all, 'bad line')}${at}: ${message}`;
      });
    });
    engine.on('lateEvent', ({ source, behindMs, count }) => {
      this.#note(`${source} late`, count, (all) => {
        const behind = `the first ${duration(behindMs)} behind the watermark`;
        return `${source}: ${plural(all, 'late event')}, ${behind}. They may have missed their matches: sort the file by time.`;
      });
    });
    engine.on('eventDropped', ({ source, reason, count }) => {
      this.#note(`${source} ${reason}`, count, (all) => {
        return `${source}: ${plural(all, 'event')} dropped (${reason}). What may lack them is truncated.`;
      });
    });
    engine.on('runsBackwards', ({ source, events, late }) => {
      this.#note(`${source} backwards`, late, () => {
        return `${source}: ${number(late)} of ${plural(events, 'event')} were late. Sort it by time first: it may be in reverse order.`;
      });
    });
    engine.on('memoryWarning', ({ usedMB, maxMB }) => {
      this.#note(
        'memory',
        1,
        () => `The query held ${usedMB} MB of the ${maxMB} MB that it may hold.`,
      );
    });
  }

  clear(): void {
    this.#problems.clear();
    this.#changed = true;
    this.draw();
  }

  /** Shows what has come since; called once a frame. */
  draw(): void {
    if (!this.#changed) return;
    this.#changed = false;
    this.#root.hidden = this.#problems.size === 0;
    setText(byId('problem-count'), plural(this.#problems.size, 'warning'));
    const items = [...this.#problems.values()].map(({ count, tell }) =>
      element('li', {}, visible(tell(count))),
    );
    this.#list.replaceChildren(...items);
  }

  #note(kind: string, count: number, tell: Problem['tell']): void {
    const present = this.#problems.get(kind);
    if (present) present.count += count;
    else this.#problems.set(kind, { count, tell });
    this.#changed = true;
  }
}
