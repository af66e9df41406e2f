// A scripted engine: records what it is told, and answers what the test says. For behaviour that
// the real engine shows only under load: back-pressure, timers, release of objects.
import type {
  Backend,
  Columns,
  CorrelatorOptions,
  NativeCorrelator,
  Notice,
  PlanSummary,
  RawMetrics,
} from '#dist/backend.js';
import type { DataSourceAdapter, StreamItem } from '#dist/adapters/adapter.js';
import { CORRELATION, COUNT_AT, FINAL, HAS_OBJECTS, RELEASED, REVISION_AT } from '#dist/records.js';
import type { RunSetup } from '#dist/run.js';
import { QueryRun } from '#dist/run.js';

/** Where the id of a correlation begins. */
const ID_AT = REVISION_AT + 4;

type Call = [name: string, ...details: unknown[]];

/** An event of a scripted correlation: its host id, or its text. */
type ScriptedEvent = number | string;

export class FakeCorrelator implements NativeCorrelator {
  readonly calls: Call[] = [];
  readonly #outputs: Uint8Array[] = [];
  nextDeadline: number | null = null;
  /** What threads would say. */
  room = true;
  busy = false;
  /** What `work` answers, call by call. */
  works: { pending: boolean; read: number }[] = [];
  /** Reacts to a push: the place for a script to answer. */
  onPush: (columns: Columns | Uint8Array, source: number) => void = () => undefined;
  onClose: (source: number) => void = () => undefined;

  correlation(id: string, events: ScriptedEvent[], { final = true, revision = 1 } = {}): void {
    this.#outputs.push(encodeCorrelation(id, final, revision, events));
  }

  released(ids: Iterable<number>): void {
    this.#outputs.push(framed(Buffer.concat([new Uint8Array([RELEASED]), ...[...ids].map(u32)])));
  }

  notice(notice: Notice): void {
    const text = new TextEncoder().encode(JSON.stringify(notice));
    this.#outputs.push(framed(new Uint8Array([2, ...text])));
  }

  /** The calls of one name, without it. */
  of(name: string): unknown[][] {
    return this.calls.filter(([call]) => call === name).map(([, ...details]) => details);
  }

  push(source: number, bytes: Uint8Array): void {
    this.calls.push(['push', source, bytes.length]);
    this.onPush(bytes, source);
  }
  pushColumns(source: number, columns: Columns): boolean {
    this.calls.push(['pushColumns', source, columns.rows]);
    // The columns are written anew after this.
    this.onPush({ ...columns, ids: columns.ids.slice(0, columns.rows) }, source);
    return true;
  }
  vocabulary(): string {
    return '{}';
  }
  attachFile(source: number, path: string): void {
    this.calls.push(['attachFile', source, path]);
  }
  work(): { pending: boolean; read: number } {
    this.calls.push(['work']);
    return this.works.shift() ?? { pending: false, read: 0 };
  }
  advance(): void {
    this.calls.push(['advance']);
  }
  setAway(source: number, away: boolean): void {
    this.calls.push(['setAway', source, away]);
  }
  setMaxMemory(bytes: number): void {
    this.calls.push(['setMaxMemory', bytes]);
  }
  flush(source: number): void {
    this.calls.push(['flush', source]);
  }
  close(source: number): void {
    this.calls.push(['close', source]);
    this.onClose(source);
  }
  hasRoom(): boolean {
    return this.room;
  }
  isBusy(): boolean {
    return this.busy;
  }
  drain(max: number): Uint8Array {
    if (this.#outputs.length > 0) this.calls.push(['drain', max]);
    return new Uint8Array(Buffer.concat(this.#outputs.splice(0, max)));
  }
  deadline(): number | null {
    return this.nextDeadline;
  }
  headJson(record: Uint8Array): string {
    const id = new TextDecoder().decode(record.subarray(ID_AT, COUNT_AT));
    return JSON.stringify({ correlationId: id.replaceAll('\0', '') });
  }
  eventsJson(): string {
    return '[]';
  }
  noteTurn(): void {
    // Only measured.
  }
  metrics(): RawMetrics {
    return {} as RawMetrics;
  }
  release(): void {
    this.calls.push(['release']);
  }
}

const PLAN: PlanSummary = {
  sources: [
    { name: 'a', selector: null, rangeMs: 1000 },
    { name: 'b', selector: null, rangeMs: 1000 },
  ],
  streams: [
    { name: 'a', alias: null, source: 0, selector: '{}', rangeMs: 1000 },
    { name: 'b', alias: null, source: 1, selector: '{}', rangeMs: 1000 },
  ],
  columns: [
    { labels: ['k'], allLabels: false, joinKeys: ['k'], message: false, messageAlways: false },
    { labels: ['k'], allLabels: false, joinKeys: ['k'], message: false, messageAlways: false },
  ],
};

export interface FakeRun {
  run: QueryRun;
  engine: FakeCorrelator;
  notices: Notice[];
  ended: () => number;
}

/** A run over the scripted engine, with adapters for the sources `a` and `b`. */
export function fakeRun(
  adapters: DataSourceAdapter[],
  { emit = 'final', bufferSize = 1000 }: Partial<CorrelatorOptions> = {},
  setup: Partial<RunSetup> = {},
): FakeRun {
  const engine = new FakeCorrelator();
  const notices: Notice[] = [];
  let ended = 0;
  const run = new QueryRun({
    backend: {
      Correlator: function create() {
        return engine;
      },
    } as unknown as Backend,
    query: '',
    plan: PLAN,
    options: { emit, bufferSize, maxMemoryBytes: 1 << 20 } as CorrelatorOptions,
    threads: 1,
    adapters,
    signal: undefined,
    streamOptions: (_source, signal) => ({ range: 0, timeRange: '', signal }),
    onCorrelation: () => undefined,
    onNotice: (notice) => notices.push(notice),
    onPace: () => undefined,
    onRefused: () => undefined,
    continues: false,
    onAdapterError: () => undefined,
    onStart: () => undefined,
    onEnd: () => {
      ended += 1;
    },
    ...setup,
  });
  return { run, engine, notices, ended: () => ended };
}

/** An adapter over a function that makes its stream. */
export function adapter(
  createStream: (signal: AbortSignal) => AsyncIterable<StreamItem>,
  options: Partial<DataSourceAdapter> = {},
): DataSourceAdapter {
  return {
    bounded: true,
    selects: false,
    getName: () => 'test',
    createStream: (_selector, { signal }) => createStream(signal),
    validateQuery: () => true,
    destroy: () => Promise.resolve(),
    ...options,
  };
}

/** With the text of the id in the place of its number. */
function encodeCorrelation(
  id: string,
  final: boolean,
  revision: number,
  events: ScriptedEvent[],
): Uint8Array {
  const hosted = events.some((event) => typeof event === 'number');
  const flags = (final ? FINAL : 0) | (hosted ? HAS_OBJECTS : 0);
  const place = new Uint8Array(COUNT_AT - ID_AT);
  place.set(new TextEncoder().encode(id));
  const parts = [new Uint8Array([CORRELATION, flags]), u32(revision), place, u32(events.length)];
  for (const event of events) {
    const raw = typeof event === 'string' ? new TextEncoder().encode(event) : undefined;
    const word = typeof event === 'number' ? event : event.length;
    parts.push(new Uint8Array([0, 0, raw ? 0 : 1, 0, 0, 0, 0, 0, 0, 0, 0]), u32(word));
    if (raw) parts.push(raw);
  }
  return framed(Buffer.concat(parts));
}

function framed(record: Uint8Array): Uint8Array {
  return Buffer.concat([u32(record.length), record]);
}

function u32(value: number): Uint8Array {
  return new Uint8Array(new Uint32Array([value]).buffer);
}
