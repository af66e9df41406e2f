// A Graylog for tests: its three ways to search, as its source has them, from 2.x to 7.x.
import type { Message, PushedMessage, Search, TimeRange } from './graylog-store.js';
import { fieldText, GraylogStore, QueryError } from './graylog-store.js';
import type { Answer, ReceivedRequest } from './misbehave.js';
import { MisbehavingServer } from './misbehave.js';

export interface GraylogOptions {
  version?: string;
  /** What is let in; by default `admin` with `secret`. */
  user?: string;
  password?: string;
  tokens?: string[];
  sessions?: string[];
  /** As Elasticsearch has it by default: 10,000. */
  resultWindow?: number;
  /** How far its clock is ahead, in milliseconds. */
  aheadMs?: number;
}

interface LegacyParameters {
  get: (name: string) => string;
  limit: number;
  offset: number;
}

type RangeSpec =
  | { type: 'absolute'; from: string; to: string }
  | { type: 'relative'; range: number }
  | { type: 'keyword'; keyword: string };

interface ExportSpec {
  timerange?: RangeSpec;
  query_string?: { type: 'elasticsearch'; query_string: string };
  streams?: string[];
  fields_in_order?: string[];
  chunk_size?: number;
  limit?: number;
}

interface ScriptingSpec {
  query?: string;
  streams?: string[];
  fields?: string[];
  from?: number;
  size?: number;
  timerange?: RangeSpec;
  sort?: string;
  sort_order?: 'asc' | 'desc' | 'Ascending' | 'Descending';
}

const RELATIVE = '/api/search/universal/relative';
const ABSOLUTE = '/api/search/universal/absolute';
/** Of its GELF HTTP input, which a real one has on a port of its own. */
export const GELF = '/gelf';
const VIEWS = '/api/views/search/messages';
const SCRIPTING = '/api/search/messages';

const DEFAULT_RANGE: RangeSpec = { type: 'relative', range: 300 };
const LEGACY_LIMIT = 150;
const SCRIPTING_SIZE = 10;
const CHUNK = 1000;

interface GelfMessage {
  short_message: string;
  host: string;
  /** Seconds. */
  timestamp: number;
  [field: `_${string}`]: unknown;
}

class Refusal extends Error {
  readonly answer: Answer;

  constructor(status: number, body: Record<string, unknown>, headers: Record<string, string> = {}) {
    super();
    this.answer = json(status, body, headers);
  }
}

export class GraylogServer extends MisbehavingServer {
  readonly #options: Required<GraylogOptions>;
  readonly #store = new GraylogStore();

  private constructor(options: GraylogOptions) {
    super();
    this.#options = {
      version: '6.1.2',
      user: 'admin',
      password: 'secret',
      tokens: [],
      sessions: [],
      resultWindow: 10_000,
      aheadMs: 0,
      ...options,
    };
  }

  static async start(options: GraylogOptions = {}): Promise<GraylogServer> {
    return new GraylogServer(options).listen();
  }

  push(...messages: PushedMessage[]): void {
    for (const message of messages) this.#store.push(message);
  }

  /** The same, but no search finds them before the function that it gives is called. */
  pushUnindexed(...messages: PushedMessage[]): () => void {
    const index = messages.map((message) => this.#store.pushUnindexed(message));
    return () => {
      for (const one of index) one();
    };
  }

  protected override respond(request: ReceivedRequest): Answer {
    const answer = this.#answer(request);
    const date = new Date(this.#now).toUTCString();
    return { ...answer, headers: { date, ...answer.headers } };
  }

  get #now(): number {
    return Date.now() + this.#options.aheadMs;
  }

  #answer(request: ReceivedRequest): Answer {
    try {
      return this.#route(request);
    } catch (error) {
      if (error instanceof Refusal) return error.answer;
      if (error instanceof QueryError) return this.#badQuery(request, error.message);
      throw error;
    }
  }

  #route(request: ReceivedRequest): Answer {
    const { method, path, headers } = request;
    if (path === GELF) return this.#gelf(request);
    if (method !== 'GET' && headers['x-requested-by'] === undefined) {
      const message =
        'CSRF protection header is missing. Please add a "X-Requested-By" header to your request.';
      throw apiError(400, message);
    }
    if (path === '/api/' || path === '/api') return this.#hello(headers.accept);
    this.#authenticate(headers.authorization);
    const call = `${method} ${path}`;
    if (call === 'GET /api/system') return this.#system();
    if (call === 'GET /api/streams') return this.#streams();
    if (call === `GET ${RELATIVE}` || call === `GET ${ABSOLUTE}`) return this.#legacy(request);
    if (call === `POST ${VIEWS}` && this.#since(3, 3)) return this.#export(request);
    if (call === `POST ${SCRIPTING}` && this.#since(5, 0)) return this.#scripting(request);
    throw apiError(404, 'HTTP 404 Not Found');
  }

  /** Whether it is of this version or newer. */
  #since(...wanted: number[]): boolean {
    const own = this.#options.version.split('.').map(Number);
    const at = wanted.findIndex((part, index) => part !== own[index]);
    return at === -1 || (own[at] ?? 0) > (wanted[at] ?? 0);
  }

  #authenticate(header: string | undefined): void {
    const { user, password, tokens, sessions } = this.#options;
    const pairs = [
      `${user}:${password}`,
      ...tokens.map((token) => `${token}:token`),
      ...sessions.map((session) => `${session}:session`),
    ];
    const [, encoded] = /^Basic (.+)$/.exec(header ?? '') ?? [];
    const given = encoded === undefined ? undefined : Buffer.from(encoded, 'base64').toString();
    if (given === undefined || !pairs.includes(given)) {
      const realm = { 'www-authenticate': 'Basic realm="Graylog Server"' };
      throw apiError(401, 'HTTP 401 Unauthorized', realm);
    }
  }

  #hello(accept: string | undefined): Answer {
    // Who does not ask for JSON is taken for a browser.
    if (!names(accept, 'application/json')) return { status: 307, headers: { location: '/' } };
    const tagline =
      "Manage your logs in the dark and have lasers going and make it look like you're from space!";
    const ids = { cluster_id: 'a1b2c3d4', node_id: 'e5f6a7b8' };
    return json(200, { ...ids, version: `${this.#options.version}+0123456`, tagline });
  }

  #system(): Answer {
    return json(200, {
      facility: 'graylog-server',
      codename: 'Noir',
      node_id: 'e5f6a7b8',
      cluster_id: 'a1b2c3d4',
      version: `${this.#options.version}+0123456`,
      started_at: '2026-01-01T00:00:00.000Z',
      is_processing: true,
      hostname: 'graylog',
      lifecycle: 'running',
      lb_status: 'alive',
      timezone: 'UTC',
      operating_system: 'Linux 6.1',
      is_leader: true,
    });
  }

  #gelf({ body }: ReceivedRequest): Answer {
    const { short_message, host, timestamp, ...more } = JSON.parse(body) as GelfMessage;
    const fields = Object.entries(more).flatMap(([name, value]) =>
      name.startsWith('_') ? [[name.slice(1), value]] : [],
    );
    const own = Object.fromEntries(fields) as Record<string, unknown>;
    this.push({ ...own, message: short_message, source: host, timestamp: timestamp * 1000 });
    return { status: 202 };
  }

  #streams(): Answer {
    const streams = this.#store.streams.map((id) => ({ id, title: `Stream ${id}`, rules: [] }));
    return json(200, { total: streams.length, streams });
  }

  #legacy({ path, query, headers }: ReceivedRequest): Answer {
    const get = (name: string) => query.get(name) ?? '';
    const numeric = (name: string) => Math.max(0, Number(get(name)) || 0);
    const parameters = { get, limit: numeric('limit') || LEGACY_LIMIT, offset: numeric('offset') };
    const spec: RangeSpec =
      path === RELATIVE
        ? { type: 'relative', range: Number(get('range')) }
        : { type: 'absolute', from: get('from'), to: get('to') };
    const [field = '', order = 'desc'] = (get('sort') || 'timestamp:desc').split(':');
    const [, filter = ''] = /^streams:(.+)$/.exec(get('filter')) ?? [];
    const search: Search = {
      query: get('query'),
      range: timeRange(spec, this.#now),
      toInclusive: this.#toInclusive,
      streams: [...filter.split(','), ...get('streams').split(',')].filter((id) => id !== ''),
      sort: field,
      ascending: order === 'asc',
    };
    if (names(headers.accept, 'application/json')) return this.#legacyJson(search, parameters);
    // What asks for anything gets the CSV, all of it.
    if (get('fields') === '') throw apiError(400, 'Missing required parameter `fields`');
    return csv(this.#store.search(search), withTimestamp(get('fields')));
  }

  #legacyJson(search: Search, { get, limit, offset: asked }: LegacyParameters): Answer {
    // Between 4.3 and 5.0.2 it was left out by mistake.
    const offset = this.#since(4, 3) && !this.#since(5, 0, 3) ? 0 : asked;
    this.#checkWindow(offset + limit, search.query, this.#since(7) ? 400 : 500);
    const all = this.#store.search(search);
    const fields = get('fields') === '' ? undefined : withTimestamp(get('fields'));
    const messages = all.slice(offset, offset + limit).map((message) => ({
      highlight_ranges: {},
      message: picked(message, fields),
      index: 'graylog_0',
      decoration_stats: null,
    }));
    return json(200, {
      query: search.query,
      built_query: '{}',
      used_indices: [],
      messages,
      fields: [...new Set(all.flatMap((message) => Object.keys(message)))],
      time: 1,
      total_results: all.length,
      from: iso(search.range.from),
      to: iso(search.range.to),
      decoration_stats: null,
    });
  }

  #export({ headers, body }: ReceivedRequest): Answer {
    if (!names(headers.accept, 'text/csv')) throw apiError(406, 'HTTP 406 Not Acceptable');
    const spec = JSON.parse(body) as ExportSpec;
    const found = this.#store.search({
      query: spec.query_string?.query_string ?? '*',
      range: timeRange(spec.timerange ?? DEFAULT_RANGE, this.#now),
      toInclusive: this.#toInclusive,
      streams: spec.streams ?? [],
      sort: 'timestamp',
      ascending: false,
    });
    // Chunks are not cut, so there may be more than the limit.
    const chunk = spec.chunk_size ?? CHUNK;
    const limit = Math.ceil((spec.limit ?? Infinity) / chunk) * chunk;
    const fields = spec.fields_in_order ?? ['timestamp', 'source', 'message'];
    const messages = found.slice(0, limit);
    // Without a first chunk there is no head either.
    return messages.length === 0 ? { ...csv([], []), body: '' } : csv(messages, fields);
  }

  #scripting({ headers, body }: ReceivedRequest): Answer {
    const spec = JSON.parse(body) as ScriptingSpec;
    const from = Math.max(0, spec.from ?? 0);
    const size = spec.size && spec.size > 0 ? spec.size : SCRIPTING_SIZE;
    const query = spec.query ?? '*';
    this.#checkWindow(from + size, query, 400);
    const range = timeRange(spec.timerange ?? DEFAULT_RANGE, this.#now);
    const found = this.#store.search({
      query,
      range,
      toInclusive: this.#toInclusive,
      streams: spec.streams ?? [],
      sort: spec.sort ?? 'timestamp',
      ascending: spec.sort_order?.startsWith('asc') === true || spec.sort_order === 'Ascending',
    });
    const page = found.slice(from, from + size);
    const fields = spec.fields?.length ? spec.fields : ['source', 'timestamp'];
    if (!names(headers.accept, 'application/json')) return csv(page, fields);
    const schema = fields.map((field) => {
      const numbers =
        page.length > 0 && page.every((message) => typeof message[field] === 'number');
      const type = numbers && field !== 'timestamp' ? 'numeric' : 'string';
      return { column_type: 'field', type, field, name: `field: ${field}` };
    });
    const datarows = page.map((message) => {
      const values = picked(message);
      return fields.map((field) => values[field] ?? '-');
    });
    const effective = { from: iso(range.from), to: iso(range.to), type: 'absolute' };
    return json(200, { schema, datarows, metadata: { effective_timerange: effective } });
  }

  /** With Elasticsearch behind it; those with OpenSearch leave the end out. */
  get #toInclusive(): boolean {
    return !this.#since(6);
  }

  #checkWindow(end: number, query: string, status: number): void {
    const most = this.#options.resultWindow;
    if (end <= most) return;
    if (!this.#since(3)) throw unableToSearch(query);
    throw apiError(
      status,
      'Unable to perform search query: Result window is too large, from + size must be less than ' +
        `or equal to: [${most}] but was [${end}].`,
    );
  }

  #badQuery({ query }: ReceivedRequest, message: string): Answer {
    if (!this.#since(3)) return unableToSearch(query.get('query') ?? '').answer;
    return apiError(400, `Unable to perform search query: ${message}`).answer;
  }
}

function timeRange(spec: RangeSpec, now: number): TimeRange {
  if (spec.type === 'relative') {
    if (!Number.isInteger(spec.range) || spec.range < 0) {
      throw apiError(400, 'Invalid timerange parameters provided');
    }
    // Zero is everything.
    return { from: spec.range === 0 ? 0 : now - spec.range * 1000, to: now };
  }
  if (spec.type === 'keyword') throw apiError(501, 'the Graylog of the tests knows no keywords');
  const [from, to] = [parseTime(spec.from), parseTime(spec.to)];
  if (Number.isNaN(from) || Number.isNaN(to)) {
    throw apiError(400, 'Invalid timerange parameters provided');
  }
  return { from, to };
}

/** ISO 8601, or `2026-01-31 12:00:00` with or without milliseconds, which is UTC. */
function parseTime(text: string): number {
  return Date.parse(/^\S+ \S+$/.test(text) ? `${text.replace(' ', 'T')}Z` : text);
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

/** The fields asked for, with the time as text. */
function picked(message: Message, fields?: string[]): Record<string, unknown> {
  const all: Record<string, unknown> = { ...message, timestamp: iso(message.timestamp) };
  if (!fields) return all;
  return Object.fromEntries(['_id', ...fields].map((field) => [field, all[field]]));
}

function withTimestamp(fields: string): string[] {
  return [...new Set(['timestamp', ...fields.split(',').map((field) => field.trim())])];
}

function csv(messages: Message[], fields: string[]): Answer {
  const rows = messages.map((message) => {
    const values = picked(message);
    return fields.map((field) => fieldText(values[field]));
  });
  const body = [fields, ...rows].map((row) => `${row.map(quoted).join(',')}\n`).join('');
  return { status: 200, headers: { 'content-type': 'text/csv' }, body };
}

/** What is not there is not quoted either; newlines stay as they are. */
function quoted(value: string | undefined): string {
  return value === undefined ? '' : `"${value.replaceAll('"', '""')}"`;
}

function names(accept: string | undefined, type: string): boolean {
  return accept?.includes(type) === true;
}

function json(status: number, body: unknown, headers: Record<string, string> = {}): Answer {
  const type = { 'content-type': 'application/json' };
  return { status, headers: { ...type, ...headers }, body: JSON.stringify(body) };
}

function apiError(status: number, message: string, headers: Record<string, string> = {}): Refusal {
  return new Refusal(status, { type: 'ApiError', message }, headers);
}

/** How 2.x says so. */
function unableToSearch(query: string): Refusal {
  const place = { begin_column: null, begin_line: null, end_column: null, end_line: null };
  const exception_name = 'org.elasticsearch.action.search.SearchPhaseExecutionException';
  return new Refusal(400, { query, ...place, message: 'Unable to execute search', exception_name });
}
