import type { NativeCorrelator, PlanSummary } from './backend.js';
import type { HostEvents } from './columns.js';
import { toText } from './columns.js';
import { rfc3339 } from './time.js';
import {
  COUNT_AT,
  EVENTS_AT,
  FINAL,
  FLAGS_AT,
  HAS_OBJECTS,
  REVISION_AT,
  TRUNCATED,
  WITHDRAWN,
} from './records.js';
import type { PackedCorrelation } from './remote/messages.js';
import type { LogEvent } from './types.js';

/** Everything of a correlation but its events, as the engine wrote it. */
interface Head {
  correlationId: string;
  timestamp: string;
  timeWindow: { start: string; end: string };
  joinKey: string;
  joinValue: string;
  metadata: {
    completeness: 'complete' | 'partial';
    matchedStreams: string[];
    totalStreams: number;
    /** Sources that had failed for good before it was found; absent where none had. */
    failedSources?: readonly string[];
  };
  revision: number;
  final: boolean;
  replaces: string[];
  withdrawn?: boolean;
  truncated: boolean;
  labels: Record<string, string>;
  joinKeys: Record<string, string>;
}

/** The fields of an event in JSON. */
interface EventFields {
  alias: string | null;
  source: string;
  stream: string;
  timestamp: string;
  message: string;
  labels: Record<string, string>;
}

/** An event of a correlation as plain data. */
export interface EventJson extends EventFields {
  /** Nanoseconds since the epoch. */
  timestampNs: string;
}

/** A {@link Correlation} as plain data. */
export interface CorrelationJson extends Head {
  events: EventJson[];
}

/** One event of a correlation. */
export class CorrelatedEvent implements EventFields {
  /** The alias of the stream it is in, if the query gives one. */
  readonly alias: string | null;
  /** Where it is from: what the event says, else the name of the source in the query. */
  readonly source: string;
  /** The stream: what the event says, else the name of the stream in the query. */
  readonly stream: string;
  /** When it happened, RFC 3339 in UTC. */
  readonly timestamp: string;
  readonly message: string;
  readonly labels: Record<string, string>;
  readonly #place: Place;

  /** @internal */
  constructor(fields: EventFields, place: Place) {
    this.alias = fields.alias;
    this.source = fields.source;
    this.stream = fields.stream;
    this.timestamp = fields.timestamp;
    this.message = fields.message;
    this.labels = fields.labels;
    this.#place = place;
  }

  /** Plain data, as `JSON.stringify` wants it. */
  toJSON(): EventJson {
    const { alias, source, stream, timestamp, message, labels } = this;
    const timestampNs = String(this.timestampNs);
    return { alias, source, stream, timestamp, timestampNs, message, labels };
  }

  /** When it happened, in nanoseconds since the epoch. */
  get timestampNs(): bigint {
    return this.#place.time;
  }

  /** The position of its stream in the query, from 0. */
  get position(): number {
    return this.#place.stream;
  }

  /** What it was made of: the text of its line, or the object that was pushed. */
  get raw(): string | LogEvent {
    const { content } = this.#place;
    return content instanceof Uint8Array ? decoder.decode(content) : content;
  }
}

/** Where an event is in a record, and what it was made of. */
interface Place {
  stream: number;
  time: bigint;
  content: Uint8Array | LogEvent;
}

/** What correlations of one query share. @internal */
export interface RecordContext {
  correlator: Pick<NativeCorrelator, 'headJson' | 'eventsJson'>;
  plan: PlanSummary;
  host: Pick<HostEvents, 'get' | 'weightOf'>;
  /** Sources that have failed; replaced, not changed, when there is another. */
  failedSources: readonly string[];
}

/**
 * Events that belong together, or a revision of them. Nothing is decoded before it is looked at:
 * a consumer that counts pays for counting.
 */
export class Correlation {
  readonly #context: RecordContext;
  /** The batch it came in, and where its record begins and ends there. */
  readonly #batch: DataView;
  readonly #start: number;
  readonly #end: number;
  /** By event, the program's object where it is one; taken at once, because the engine releases them next. */
  readonly #objects: readonly (LogEvent | undefined)[];
  /** Those of the context when it came. */
  readonly #failedSources: readonly string[];
  #head: Head | undefined;
  #events: readonly CorrelatedEvent[] | undefined;

  /** Bytes of the objects that count. */
  #objectBytes = 0;

  /** How many events there are. */
  readonly eventCount: number;

  /** @internal */
  constructor(batch: DataView, start: number, end: number, context: RecordContext) {
    this.#context = context;
    this.#batch = batch;
    this.#start = start;
    this.#end = end;
    this.#failedSources = context.failedSources;
    this.eventCount = batch.getUint32(start + COUNT_AT, true);
    const hosted = (batch.getUint8(start + FLAGS_AT) & HAS_OBJECTS) !== 0;
    this.#objects = hosted ? this.#collectObjects() : NO_OBJECTS;
  }

  /** Bytes that it keeps. @internal */
  get size(): number {
    return this.#end - this.#start + this.#objectBytes;
  }

  /** A stable id: the same input gives the same ids of final results. */
  get correlationId(): string {
    return this.#fields().correlationId;
  }

  /** The time of the first event, RFC 3339 in UTC. */
  get timestamp(): string {
    return this.#fields().timestamp;
  }

  /** The times of the first and the last event. */
  get timeWindow(): { start: string; end: string } {
    return this.#fields().timeWindow;
  }

  /** The label the first join is on; several are joined by commas. */
  get joinKey(): string {
    return this.#fields().joinKey;
  }

  /** Its value, of the earliest event that has one. */
  get joinValue(): string {
    return this.#fields().joinValue;
  }

  /** All keys with their values. */
  get joinKeys(): Head['joinKeys'] {
    return this.#fields().joinKeys;
  }

  /**
   * `complete` when every stream of the query has an event here, which have, and which sources had failed
   * (see {@link EngineOptions.onAdapterError}).
   */
  get metadata(): Head['metadata'] {
    return this.#fields().metadata;
  }

  /** Counts the deliveries of this correlation, from 1. */
  get revision(): number {
    return this.#batch.getUint32(this.#start + REVISION_AT, true);
  }

  /** Whether it cannot change any more. */
  get final(): boolean {
    return this.#has(FINAL);
  }

  /** Ids of delivered correlations that have become part of this one. */
  get replaces(): readonly string[] {
    return this.#fields().replaces;
  }

  /** Whether it was delivered before and holds no longer: not what `where` asks for, nor a result that begins after `start`. */
  get withdrawn(): boolean {
    return this.#has(WITHDRAWN);
  }

  /** Whether it lost events to a bound. */
  get truncated(): boolean {
    return this.#has(TRUNCATED);
  }

  /** Labels the query gives it. */
  get labels(): Readonly<Record<string, string>> {
    return this.#fields().labels;
  }

  /** The events, in event order. Decoded at the first access. */
  get events(): readonly CorrelatedEvent[] {
    this.#events ??= this.#decodeEvents();
    return this.#events;
  }

  /** Plain data, as `JSON.stringify` wants it. */
  toJSON(): CorrelationJson {
    return { ...this.#fields(), events: this.events.map((event) => event.toJSON()) };
  }

  /** One line of JSON, without its line ending; the same data as {@link toJSON}, without a detour over objects. */
  toLine(): string {
    const { correlator } = this.#context;
    const head =
      this.#failedSources.length > 0
        ? JSON.stringify(this.#fields())
        : correlator.headJson(this.#record());
    const events =
      this.#objects.length === 0
        ? correlator.eventsJson(this.#record())
        : JSON.stringify(this.events);
    return `${head.slice(0, head.lastIndexOf('}'))},"events":${events}}`;
  }

  /** What its query is planned as. @internal */
  get plan(): PlanSummary {
    return this.#context.plan;
  }

  /** All of it as plain data, for where its engine is not. @internal */
  pack(): Omit<PackedCorrelation, 'end'> & { record: Uint8Array } {
    const { correlator } = this.#context;
    const record = this.#record();
    const places = this.#objects.length > 0 ? this.#places() : [];
    const objects = places.flatMap(({ content }, at): PackedCorrelation['objects'] =>
      typeof content === 'number' ? [[content, this.#objects[at] ?? NOTHING]] : [],
    );
    return {
      record,
      head: correlator.headJson(record),
      events: correlator.eventsJson(record),
      failedSources: this.#failedSources,
      objects,
    };
  }

  /** @internal */
  [Symbol.for('nodejs.util.inspect.custom')](): CorrelationJson {
    return this.toJSON();
  }

  #has(flag: number): boolean {
    return (this.#batch.getUint8(this.#start + FLAGS_AT) & flag) !== 0;
  }

  #record(): Uint8Array {
    const { buffer, byteOffset } = this.#batch;
    return new Uint8Array(buffer, byteOffset + this.#start, this.#end - this.#start);
  }

  #fields(): Head {
    if (!this.#head) {
      this.#head = JSON.parse(this.#context.correlator.headJson(this.#record())) as Head;
      if (this.#failedSources.length > 0) this.#head.metadata.failedSources = this.#failedSources;
    }
    return this.#head;
  }

  #decodeEvents(): CorrelatedEvent[] {
    const hosted = this.#objects.length > 0;
    const decoded =
      hosted && this.#objects.every((object) => object)
        ? []
        : (JSON.parse(
            this.#context.correlator.eventsJson(this.#record()),
          ) as (EventFields | null)[]);
    return this.#places().map(({ stream, time, content }, at) => {
      const object = this.#objects[at] ?? NOTHING;
      const fields = decoded[at] ?? this.#fieldsOf(object, stream, time);
      const raw = typeof content === 'number' ? object : content;
      return new CorrelatedEvent(fields, { stream, time, content: raw });
    });
  }

  /** The fields of an object of the program, shaped like those the engine decodes from bytes. */
  #fieldsOf(event: LogEvent, position: number, time: bigint): EventFields {
    const { plan } = this.#context;
    const stream = plan.streams[position];
    const labels = Object.entries(event.labels ?? {}).map(([name, value]) => [name, toText(value)]);
    return {
      alias: stream?.alias ?? null,
      source: event.source ?? plan.sources[stream?.source ?? 0]?.name ?? '',
      stream: event.stream ?? stream?.name ?? '',
      timestamp: rfc3339(time),
      message: event.message ?? '',
      labels: Object.fromEntries(labels) as Record<string, string>,
    };
  }

  #collectObjects(): (LogEvent | undefined)[] {
    const { host } = this.#context;
    const view = this.#batch;
    const objects = new Array<LogEvent | undefined>(this.eventCount);
    let at = this.#start + EVENTS_AT;
    for (let count = 0; count < objects.length; count += 1) {
      const isObject = view.getUint8(at + 2) === 1;
      const word = view.getUint32(at + 11, true);
      at += isObject ? 15 : 15 + word;
      objects[count] = isObject ? (host.get(word) ?? NOTHING) : undefined;
      if (isObject) this.#objectBytes += host.weightOf(word);
    }
    return objects;
  }

  /** The events of the record: bytes, or the number of an object. */
  #places(): { stream: number; time: bigint; content: Uint8Array | number }[] {
    const view = this.#batch;
    const places = [];
    let at = this.#start + EVENTS_AT;
    for (let count = 0; count < this.eventCount; count += 1) {
      const stream = view.getUint16(at, true);
      const isObject = view.getUint8(at + 2) === 1;
      const time = view.getBigInt64(at + 3, true);
      const word = view.getUint32(at + 11, true);
      at += 15;
      places.push({
        stream,
        time,
        content: isObject ? word : new Uint8Array(view.buffer, view.byteOffset + at, word),
      });
      at += isObject ? 0 : word;
    }
    return places;
  }
}

/** Stands for an object that is gone; never seen while the engine keeps its word. */
const NOTHING: LogEvent = { timestamp: 0 };

const NO_OBJECTS: readonly (LogEvent | undefined)[] = [];

const decoder = new TextDecoder();
