// What a Graylog of the tests holds, and as much of its query language as they ask.

/** Milliseconds are all Graylog keeps of a time. */
export interface PushedMessage {
  timestamp: number;
  message: string;
  source?: string;
  streams?: string[];
  [field: string]: unknown;
}

export interface Message {
  _id: string;
  timestamp: number;
  streams: string[];
  [field: string]: unknown;
}

export interface TimeRange {
  from: number;
  to: number;
}

export interface Search {
  query: string;
  range: TimeRange;
  /** Older ones take in the last millisecond, newer ones do not. */
  toInclusive: boolean;
  /** None: all of them. */
  streams: string[];
  sort: string;
  ascending: boolean;
}

/** The stream every message is in, unless told otherwise. */
const DEFAULT_STREAM = '000000000000000000000001';

export class QueryError extends Error {}

export class GraylogStore {
  readonly #messages: Message[] = [];
  /** How many have come, found or not. */
  #received = 0;

  push(message: PushedMessage): void {
    this.pushUnindexed(message)();
  }

  /** Takes a message in, which no search finds before the function that it gives is called. */
  pushUnindexed({ timestamp, streams = [DEFAULT_STREAM], ...fields }: PushedMessage): () => void {
    this.#received += 1;
    const id = String(this.#received).padStart(26, '0');
    const ms = Math.floor(timestamp);
    const message = {
      _id: id,
      gl2_message_id: id,
      timestamp: ms,
      source: 'localhost',
      ...fields,
      streams,
    };
    return () => this.#messages.push(message);
  }

  /** IDs of those that messages are in. */
  get streams(): string[] {
    return [...new Set(this.#messages.flatMap(({ streams }) => streams))];
  }

  /** Messages with equal values in the order they came, whichever way is asked. */
  search({ query, range, toInclusive, streams, sort, ascending }: Search): Message[] {
    const matches = parseQuery(query);
    const end = toInclusive ? range.to + 1 : range.to;
    const sign = ascending ? 1 : -1;
    return this.#messages
      .filter(({ timestamp }) => timestamp >= range.from && timestamp < end)
      .filter(
        (message) => streams.length === 0 || streams.some((id) => message.streams.includes(id)),
      )
      .filter(matches)
      .sort((a, b) => sign * compare(a[sort], b[sort]));
  }
}

type Predicate = (message: Message) => boolean;

const TOKEN =
  /\s*(?:(AND|OR|NOT|&&|\|\||!|-)(?=[\s"\w*])|(\w+):|("(?:[^"\\]|\\.)*")|([^\s"():]+))/gy;

/** Lucene, without groups and ranges: `a b` is `a OR b`, as Graylog has it. */
function parseQuery(query: string): Predicate {
  const alternatives: Predicate[][] = [[]];
  let [field, negated, all] = [undefined as string | undefined, false, false];
  let end = 0;
  for (const { 0: whole, 1: operator, 2: name, 3: phrase, 4: word, index } of query.matchAll(
    TOKEN,
  )) {
    end = index + whole.length;
    if (operator !== undefined) {
      if (operator === 'AND' || operator === '&&') all = true;
      else if (operator !== 'OR' && operator !== '||') negated = true;
      continue;
    }
    if (name !== undefined) {
      field = name;
      continue;
    }
    const test = term(field, phrase === undefined ? (word ?? '') : (JSON.parse(phrase) as string));
    const wanted = !negated;
    if (!all && alternatives.at(-1)?.length) alternatives.push([]);
    alternatives.at(-1)?.push((message) => test(message) === wanted);
    [field, negated, all] = [undefined, false, false];
  }
  if (query.slice(end).trim() !== '' || field !== undefined || negated || all) {
    throw new QueryError(`Failed to parse query [${query}]`);
  }
  return (message) => alternatives.some((group) => group.every((test) => test(message)));
}

function term(field: string | undefined, value: string): Predicate {
  if (field === '_exists_') return (message) => message[value] !== undefined;
  if (value === '*') return (message) => field === undefined || message[field] !== undefined;
  const pattern = value.replace(/[.+^${}()|[\]\\]/g, '\\$&').replace(/\*/g, '.*');
  // The text of a message is searched by word, other fields as a whole.
  const words = new RegExp(`(?<!\\w)${pattern}(?!\\w)`, 'is');
  const whole = new RegExp(`^${pattern}$`, 's');
  return (message) => {
    const name = field ?? 'message';
    return (name === 'message' ? words : whole).test(fieldText(message[name]) ?? '');
  };
}

/** As the CSV of Graylog has it: lists as Java prints them, nothing for what is not there. */
export function fieldText(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (Array.isArray(value)) return `[${value.join(', ')}]`;
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function compare(a: unknown, b: unknown): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  const [left, right] = [fieldText(a) ?? '', fieldText(b) ?? ''];
  return left < right ? -1 : left > right ? 1 : 0;
}
