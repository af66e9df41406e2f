// Runs a case of tests/cases on a backend, and tells all that it said.
import assert from 'node:assert/strict';

import type { LogEvent } from 'logbraid';

import type {
  Backend,
  CorrelatorOptions,
  NativeCorrelator,
  Notice,
  PlanSummary,
  RawMetrics,
} from '#dist/backend.js';
import { ColumnEncoder, HostEvents } from '#dist/columns.js';
import { Correlation } from '#dist/correlation.js';
import { clockSkew } from '#dist/checks.js';
import { loadBackend } from '#dist/platform/node.js';
import { plan as planOf } from '#dist/query.js';
import { CORRELATION, RELEASED, eachRecord, noticeOf } from '#dist/records.js';
import { toMillis } from '#dist/time.js';
import { BASE, readEvents, readInstant, toLine, writeSeconds } from './case.js';
import type { Case, ScriptEvent, Step } from './case.js';

/** How pushes reach the engine: in pieces of so many bytes, or as objects. No result may depend on it. */
export type Delivery = number | 'objects';

/** All of Node. */
export const backends = [loadBackend('native'), loadBackend('wasm')];

/** How events are read where a case does not say: no line waits to be understood. */
export const NDJSON = { format: 'ndjson', time: 'time', message: 'message' };

/** Everything that came of one step. */
interface Told {
  correlations: Correlation[];
  notices: string[];
  pace: string[];
  ended: boolean;
  /** The error that ended the query, as a case writes it. */
  error?: string;
}

/** Runs a case on a backend, step by step. */
export class Driver {
  readonly #case: Case;
  readonly #delivery: Delivery;
  readonly #plan: PlanSummary;
  readonly #names: string[];
  readonly #engine: NativeCorrelator;
  readonly #host = new HostEvents();
  readonly #open: boolean[];
  readonly #letters = new Map<string, string>();
  readonly #told: Uint8Array[] = [];
  #held = 0;
  #ended = false;

  constructor(backend: Backend, one: Case, delivery: Delivery) {
    this.#case = one;
    this.#delivery = delivery;
    const selectingSources = one.selects ?? [];
    const { joinType, dedupe } = boundsOf(one);
    this.#plan = planOf(backend, one.query, {
      selectingSources,
      ...(joinType && { joinType }),
      ...(dedupe && { dedupe }),
    });
    this.#names = sourceNames(this.#plan);
    this.#open = this.#plan.sources.map(() => true);
    const { start, end, limit } = one;
    const millis = (text: string) => toMillis(text) ?? assert.fail(text);
    const options: Partial<CorrelatorOptions> = {
      selectingSources,
      emit: one.emit ?? 'final',
      lateToleranceMs: millis(one.lateTolerance ?? '0s'),
      processingIntervalMs: millis(one.processingInterval ?? '0s'),
      ...(one.idleTimeout && { idleTimeoutMs: millis(one.idleTimeout) }),
      ...(start && { startNs: String(readInstant(start)) }),
      ...(end && { endNs: String(readInstant(end)) }),
      ...(limit !== undefined && { limit }),
      ...boundsOf(one),
      sources: this.#names.map((name) => ({
        bounded: !(one.live ?? []).includes(name),
        decoder: one.decoders?.[name] ?? NDJSON,
        clockSkewMs: clockSkew('clockSkew', one.clockSkew?.[name] ?? 0),
      })),
    };
    this.#engine = new backend.Correlator(one.query, options, 1);
    // What is said before anything has happened is not part of any step.
    this.#drain();
  }

  /** Does the steps of the case and looks at nothing; returns all that the engine told, as it is. */
  play(): string {
    for (const step of this.#case.steps ?? []) {
      this.#do(step);
      this.#drain();
    }
    return this.#everything();
  }

  /** Runs the case, held to what it expects; returns all that the engine told, as it is. */
  run(): string {
    const { steps = [], emit, pace, ids = [], metrics = {} } = this.#case;
    const found: string[] = [];
    let endedEarly = false;
    for (const [at, step] of steps.entries()) {
      this.#do(step);
      const told = this.#drain();
      const seen = told.correlations.map((correlation, index) =>
        textOf(
          correlation,
          emit === 'eager' ? this.#letters : undefined,
          step.expect?.[index] ?? '',
        ),
      );
      found.push(...told.correlations.flatMap((c) => (c.final ? [c.correlationId] : [])));
      if (pace) seen.push(...told.pace);
      if (told.error !== undefined) {
        seen.push(told.error);
        endedEarly = true;
      }
      if (told.ended && this.#open.includes(true)) {
        seen.push('end');
        endedEarly = true;
      }
      const title = `${String(this.#delivery)}: step ${at + 1} ${JSON.stringify(step)}`;
      assert.deepEqual(seen, step.expect ?? [], title);
      assert.deepEqual(told.notices, step.notices ?? [], `${title}: notices`);
    }
    if (ids.length > 0) assert.deepEqual(found, ids);
    const counters = this.#engine.metrics();
    if (!this.#open.includes(true)) {
      assert.ok(this.#ended, 'all sources are closed, but the engine has not ended');
      const held = [counters.heldEvents, counters.heldKeys, this.#held];
      if (!endedEarly) assert.deepEqual(held, [0, 0, 0]);
    }
    const sum = (of: (source: RawMetrics['sources'][number]) => number) =>
      counters.sources.reduce((total, source) => total + of(source), 0);
    const all = {
      ...counters,
      events: sum(({ events }) => events),
      badLines: sum(({ badLines }) => badLines),
      repeats: sum(({ repeats }) => repeats),
    };
    const named = Object.fromEntries(
      Object.keys(metrics).map((name) => [name, all[name as keyof typeof all]]),
    );
    assert.deepEqual(named, { ...metrics });
    return this.#everything();
  }

  #everything(): string {
    return Buffer.concat(this.#told).toString('hex');
  }

  #do(step: Step): void {
    if (step.push !== undefined) {
      const source = this.#source(step.push);
      if (step.events !== undefined) this.#push(source, readEvents(step.events));
      if (step.bytes !== undefined) this.#pushBytes(source, Buffer.from(step.bytes));
      if (step.hex !== undefined) {
        this.#pushBytes(source, Buffer.from(step.hex.replace(/\s/g, ''), 'hex'));
      }
    }
    if (step.flush !== undefined) this.#engine.flush(this.#source(step.flush));
    if (step.away !== undefined) this.#engine.setAway(this.#source(step.away), true);
    if (step.back !== undefined) this.#engine.setAway(this.#source(step.back), false);
    if (step.maxMemory !== undefined) this.#engine.setMaxMemory(step.maxMemory);
    if (step.advance !== undefined) {
      this.#engine.advance(Number(readInstant(step.advance) / 1_000_000n));
    }
    for (const [source, name] of this.#names.entries()) {
      if (this.#open[source] && (step.close === '*' || step.close === name)) {
        this.#open[source] = false;
        this.#engine.close(source);
      }
    }
  }

  #source(name: string): number {
    const at = this.#names.indexOf(name);
    assert.ok(at >= 0, `the query has no source ${name}`);
    return at;
  }

  #push(source: number, events: ScriptEvent[]): void {
    if (this.#delivery !== 'objects') {
      this.#pushBytes(source, Buffer.from(events.map(toLine).join('')));
      return;
    }
    const plan = this.#plan.columns[source];
    assert.ok(plan);
    const refused = (message: string) => assert.fail(message);
    const encoder = new ColumnEncoder(plan, this.#host, events.length, refused);
    encoder.push(events.map(toObject), 0, (columns) => {
      this.#held += columns.rows;
      return this.#engine.pushColumns(source, columns);
    });
  }

  #pushBytes(source: number, bytes: Buffer): void {
    const size = this.#delivery === 'objects' ? bytes.length : this.#delivery;
    for (let from = 0; from < bytes.length; from += size) {
      this.#engine.push(source, bytes.subarray(from, from + size));
    }
  }

  #drain(): Told {
    const told: Told = { correlations: [], notices: [], pace: [], ended: false };
    const context = {
      correlator: this.#engine,
      plan: this.#plan,
      host: this.#host,
      failedSources: [],
    };
    for (;;) {
      const batch = this.#engine.drain(3);
      if (batch.length === 0) return told;
      eachRecord(batch, (view, start, end) => {
        const kind = view.getUint8(start);
        if (kind === CORRELATION) {
          assert.ok(!this.#ended, 'a correlation came after the end');
          told.correlations.push(new Correlation(view, start, end, context));
        } else if (kind === RELEASED) {
          this.#held -= (end - start - 1) / 4;
          this.#host.release(view, start + 1, end);
        } else {
          const notice = noticeOf(view, start, end);
          this.#hear(notice, told);
          // What is held in bytes depends on how large pointers are.
          if (notice.type === 'error') {
            this.#told.push(Buffer.from(errorText(notice)));
            return;
          }
        }
        this.#told.push(batch.subarray(start, end));
      });
    }
  }

  #hear(notice: Notice, told: Told): void {
    assert.ok(!this.#ended, `${notice.type} came after the end`);
    const name = 'source' in notice ? this.#names[notice.source] : '';
    const times = (count: number) => (count > 1 ? ` x${count}` : '');
    switch (notice.type) {
      case 'pause':
      case 'resume':
        told.pace.push(`${notice.type} ${name}`);
        break;
      case 'end':
        this.#ended = told.ended = true;
        break;
      case 'error':
        this.#ended = true;
        told.error = errorText(notice);
        break;
      case 'eventDropped': {
        const { time, reason, count } = notice;
        const second = BigInt(Date.parse(`${time.slice(0, 19)}Z`)) * 1_000_000n;
        const at = second + BigInt(time.slice(20, 29)) - BASE;
        told.notices.push(`dropped ${name}@${writeSeconds(at)} ${reason}${times(count)}`);
        break;
      }
      case 'memoryWarning':
        told.notices.push('memory');
        break;
      case 'badLine': {
        const { line, byte, code, count } = notice;
        told.notices.push(`bad ${name} line ${line} byte ${byte} ${code}${times(count)}`);
        break;
      }
      case 'lateEvent': {
        const { time, behindMs, count } = notice;
        // The times of late events in cases are whole milliseconds.
        const at = BigInt(Date.parse(time)) * 1_000_000n - BASE;
        const behind = writeSeconds(BigInt(behindMs) * 1_000_000n);
        told.notices.push(`late ${name}@${writeSeconds(at)} behind ${behind}s${times(count)}`);
        break;
      }
      case 'runsBackwards':
        told.notices.push(`backwards ${name} ${notice.late}/${notice.events}`);
        break;
    }
  }
}

/** What is held in bytes depends on how events come, and so does all where the bound is one of bytes. */
function errorText({ code, details = {} }: Extract<Notice, { type: 'error' }>): string {
  const facts = Object.entries(details).filter(([name]) => !name.endsWith('Bytes'));
  const shown =
    'maxBytes' in details ? [] : facts.map(([name, fact]) => `${name}=${String(fact)}`).sort();
  return ['error', code, ...shown].join(' ');
}

/** The options of a case that bound or filter what is held, as the engine takes them. */
export function boundsOf(one: Case): Partial<CorrelatorOptions> {
  const { late, overflow, maxEvents, maxMemory, maxEventsPerCorrelation, dedupe, joinType } = one;
  const { window, fields } = typeof dedupe === 'object' ? dedupe : {};
  return {
    ...(late && { late }),
    ...(overflow && { overflow }),
    ...(maxEvents !== undefined && { maxEvents }),
    ...(maxMemory !== undefined && { maxMemoryBytes: maxMemory }),
    ...(maxEventsPerCorrelation !== undefined && { maxEventsPerCorrelation }),
    ...(dedupe && {
      dedupe: {
        ...(window !== undefined && { windowMs: toMillis(window) ?? assert.fail(window) }),
        ...(fields && { fields }),
      },
    }),
    ...(joinType && { joinType }),
  };
}

/** What a case calls the sources: by their names, or as the stream where a source is read several times. */
function sourceNames({ sources, streams }: PlanSummary): string[] {
  return sources.map(({ name }, at) =>
    sources.filter((other) => other.name === name).length === 1
      ? name
      : (streams.find(({ source }) => source === at)?.name ?? name),
  );
}

/** A correlation as a case writes it. Keys are told where `expected` tells them. */
export function textOf(
  correlation: Correlation,
  letters: Map<string, string> | undefined,
  expected: string,
): string {
  const { correlationId, revision, final, replaces, events, metadata, joinKeys } = correlation;
  let text = '';
  if (letters) {
    const letter = (id: string) => {
      const known = letters.get(id) ?? String.fromCharCode(65 + letters.size);
      letters.set(id, known);
      return known;
    };
    text = `${letter(correlationId)}.${revision} ${final ? 'final ' : ''}${correlation.withdrawn ? 'withdrawn ' : ''}`;
    if (replaces.length > 0) text += `replaces ${replaces.map(letter).join(',')} `;
  }
  const marks = events.map((event) => {
    const { alias, source, labels } = event;
    const name = labels['n'] === undefined ? '' : `#${labels['n']}`;
    const stream = alias ?? streamName(correlation, event.position, source);
    return `${stream}@${writeSeconds(event.timestampNs - BASE)}${name}`;
  });
  if (correlation.truncated) text += 'truncated ';
  text += `{${marks.join(' ')}} ${metadata.completeness}`;
  if (expected.includes(' on ')) {
    const values = correlation.joinValue.split(',');
    const pairs = correlation.joinKey.split(',').map((key, at) => `${key}=${values[at] ?? ''}`);
    text += ` on ${pairs.join(',')}`;
  }
  if (expected.includes(' keys ')) {
    text += ` keys ${Object.entries(joinKeys)
      .map((pair) => pair.join('='))
      .join(' ')}`;
  }
  if (expected.includes(' labels ')) {
    text += ` labels ${Object.entries(correlation.labels)
      .map((pair) => pair.join('='))
      .join(' ')}`;
  }
  return text;
}

/** The name of the stream at a position; an event tells it as its `stream` unless it has its own. */
function streamName({ events }: Correlation, position: number, source: string): string {
  return events.find((event) => event.position === position)?.stream ?? source;
}

function toObject({ time, name, labels }: ScriptEvent): LogEvent {
  const message = labels.find(([label]) => label === 'msg')?.[1];
  const rest = labels.filter(([label]) => label !== 'msg');
  if (name !== undefined) rest.push(['n', name]);
  return {
    timestamp: time,
    labels: Object.fromEntries(rest),
    ...(message !== undefined && { message }),
  };
}
