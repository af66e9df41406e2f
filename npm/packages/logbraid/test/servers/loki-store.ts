// What a Loki of the tests holds: streams of entries by tenant, and what Loki adds to them.
import type { Labels, LogQuery } from './logql.js';

/** Time in nanoseconds, line, structured metadata. */
export type PushedEntry = [ns: bigint, line: string, metadata?: Labels];

export interface Entry {
  ns: bigint;
  line: string;
  metadata: Labels;
  /** Of its stream. */
  labels: Labels;
}

export interface Selection {
  query: LogQuery;
  /** Inclusive. */
  start: bigint;
  /** Exclusive. */
  end: bigint;
  limit: number;
  direction: 'forward' | 'backward';
}

interface Stream {
  labels: Labels;
  entries: Entry[];
  seen: Set<string>;
}

/** The tenant where there are no tenants. */
export const NO_TENANT = 'fake';

const SERVICE_LABELS = ['service', 'app', 'application', 'name', 'container', 'component', 'job'];
const LEVEL_LABELS = ['level', 'severity', 'severity_text', 'lvl'];
const LEVEL = /\b(trace|debug|info|warn|error|critical|fatal)\b/i;

export class LokiStore {
  readonly #tenants = new Map<string, Map<string, Stream>>();

  /** The entries that are new: the same time and line in a stream is stored once. */
  push(tenant: string, pushed: Labels, entries: PushedEntry[]): Entry[] {
    const labels = sorted({ service_name: serviceName(pushed), ...pushed });
    const stream = this.#stream(tenant, labels);
    const added: Entry[] = [];
    for (const [ns, line, metadata = {}] of entries) {
      const key = `${ns} ${line}`;
      if (stream.seen.has(key)) continue;
      stream.seen.add(key);
      const detected_level = detectedLevel({ ...labels, ...metadata }, line);
      added.push({ ns, line, labels, metadata: sorted({ detected_level, ...metadata }) });
    }
    stream.entries.push(...added);
    return added;
  }

  /**
   * In the order of time. At equal times streams, and what has different metadata in one, are in the order of their
   * labels, whatever the direction; others in the order that they came in, or the opposite.
   */
  select(tenants: string[], { query, start, end, limit, direction }: Selection): Entry[] {
    const found: Entry[] = [];
    for (const tenant of tenants) {
      for (const { labels, entries } of this.streams(tenant)) {
        if (!query.selects(labels)) continue;
        const own = tenants.length > 1 ? { __tenant_id__: tenant, ...labels } : labels;
        const alike = new Map<string, Entry[]>();
        for (const entry of entries) {
          if (entry.ns < start || entry.ns >= end || !passes(query, entry)) continue;
          const key = labelText(entry.metadata);
          const kept = alike.get(key) ?? [];
          alike.set(key, kept);
          kept.push(own === labels ? entry : { ...entry, labels: own });
        }
        for (const [, kept] of [...alike].sort(([a], [b]) => (a < b ? -1 : 1))) {
          if (direction === 'backward') kept.reverse();
          for (const entry of kept) found.push(entry);
        }
      }
    }
    return inOrder(found, direction).slice(0, limit);
  }

  streams(tenant: string): Stream[] {
    const streams = [...(this.#tenants.get(tenant) ?? [])];
    return streams.sort(([a], [b]) => (a < b ? -1 : 1)).map(([, stream]) => stream);
  }

  #stream(tenant: string, labels: Labels): Stream {
    const streams = this.#tenants.get(tenant) ?? new Map<string, Stream>();
    this.#tenants.set(tenant, streams);
    const stream = streams.get(labelText(labels)) ?? { labels, entries: [], seen: new Set() };
    streams.set(labelText(labels), stream);
    return stream;
  }
}

export function passes(query: LogQuery, { line, labels, metadata }: Entry): boolean {
  return query.passes(line, { ...labels, ...metadata });
}

export function inOrder(entries: Entry[], direction: 'forward' | 'backward' = 'forward'): Entry[] {
  const sign = direction === 'forward' ? 1 : -1;
  return entries.sort((a, b) => sign * Number(a.ns - b.ns));
}

/** As Loki writes it, which also orders the streams of an answer. */
export function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  return `{${pairs.join(', ')}}`;
}

export function sorted(labels: Labels): Labels {
  return Object.fromEntries(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function serviceName(labels: Labels): string {
  const label = SERVICE_LABELS.find((name) => labels[name] !== undefined);
  return (label === undefined ? undefined : labels[label]) ?? 'unknown_service';
}

function detectedLevel(labels: Labels, line: string): string {
  const label = LEVEL_LABELS.find((name) => labels[name] !== undefined);
  const told = label === undefined ? LEVEL.exec(line)?.[1] : labels[label];
  return told?.toLowerCase() ?? 'unknown';
}
