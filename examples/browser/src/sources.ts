import type { Inspection, RemoteEngine, Vocabulary } from 'logbraid';

import type { Inspector } from './inspector.js';
import { nameFor, problemOf } from './source-name.js';

/** A file that is a source of queries. */
export interface Source {
  name: string;
  readonly file: File;
  /** How far it has been looked into. */
  state:
    | { type: 'reading'; bytes: number }
    | { type: 'inspected'; inspection: Inspection }
    | { type: 'failed'; message: string };
}

/** The files that have been added, under the names they have in queries. */
export class Sources {
  readonly #engine: RemoteEngine;
  readonly #inspector: Inspector;
  readonly #changed: (source: Source | undefined) => void;
  readonly #sources = new Map<Source, AbortController>();

  /** `changed` is told which one has changed, or nothing where some have come or gone. */
  constructor(
    engine: RemoteEngine,
    inspector: Inspector,
    changed: (source: Source | undefined) => void,
  ) {
    this.#engine = engine;
    this.#inspector = inspector;
    this.#changed = changed;
  }

  get all(): Source[] {
    return [...this.#sources.keys()];
  }

  get names(): Set<string> {
    return new Set(this.all.map(({ name }) => name));
  }

  /** Adds a file; one that has been added is not added again. */
  add(file: File, wanted?: string): Source {
    const present = this.all.find((source) => isSame(source.file, file));
    if (present) return present;
    const name = nameFor(wanted ?? file.name, this.names);
    const source: Source = { name, file, state: { type: 'reading', bytes: 0 } };
    const leaving = new AbortController();
    this.#sources.set(source, leaving);
    this.#engine.addAdapter(name, file);
    this.#changed(undefined);
    void this.#inspect(source, leaving.signal);
    return source;
  }

  remove(source: Source): void {
    this.#sources.get(source)?.abort();
    this.#sources.delete(source);
    void this.#engine.removeAdapter(source.name);
    this.#changed(undefined);
  }

  /** Gives a source another name; says why that cannot be, if it cannot. */
  rename(source: Source, name: string): string | undefined {
    if (name === source.name) return undefined;
    const problem = this.names.has(name) ? `There is a source ${name} already.` : problemOf(name);
    if (problem !== undefined) return problem;
    void this.#engine.removeAdapter(source.name);
    source.name = name;
    this.#engine.addAdapter(name, source.file);
    this.#changed(source);
    return undefined;
  }

  /** What is known to complete queries with: what queries have seen, and labels that were found before. */
  async vocabulary(): Promise<Vocabulary> {
    const { sources = [] } = await this.#engine.vocabulary();
    return {
      sources: sources.map((known) => {
        const { state } = this.all.find(({ name }) => name === known.name) ?? {};
        const found = state?.type === 'inspected' ? state.inspection.labels : [];
        const seen = known.labels ?? [];
        const more = found
          .filter(({ name }) => !seen.some((label) => label.name === name))
          .map(({ name, only }) => ({ name, values: only === null ? [] : [only] }));
        return { ...known, labels: [...seen, ...more] };
      }),
    };
  }

  async #inspect(source: Source, signal: AbortSignal): Promise<void> {
    const read = (bytes: number) => {
      source.state = { type: 'reading', bytes };
      this.#changed(source);
    };
    try {
      const inspection = await this.#inspector.inspect(source.file, read, signal);
      source.state = { type: 'inspected', inspection };
    } catch (error) {
      source.state = { type: 'failed', message: error instanceof Error ? error.message : '' };
    }
    if (!signal.aborted) this.#changed(source);
  }
}

function isSame(one: File, other: File): boolean {
  return (
    one.name === other.name && one.size === other.size && one.lastModified === other.lastModified
  );
}
