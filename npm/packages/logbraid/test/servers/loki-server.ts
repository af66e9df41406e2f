// A Loki for tests: holds entries and answers as the real one was seen to (tests/samples/loki).
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { WebSocketServer } from 'ws';

import type { Labels } from './logql.js';
import { LogqlError, MetricQueryError, parseLogql } from './logql.js';
import type { Entry, PushedEntry, Selection } from './loki-store.js';
import { inOrder, labelText, LokiStore, NO_TENANT, sorted } from './loki-store.js';
import { Tail } from './loki-tail.js';
import { goDuration, nowNs, parseDuration, parseTime, TimeError } from './loki-time.js';
import type { Answer, ReceivedRequest } from './misbehave.js';
import { MisbehavingServer } from './misbehave.js';

export interface LokiOptions {
  /** Asks for `X-Scope-OrgID`. */
  multiTenant?: boolean;
  /** What a proxy in front of it asks for. */
  auth?: { user: string; password: string } | { token: string };
  maxTails?: number;
  pingMs?: number;
}

/** What is pushed, where it is JSON. */
interface PushBody {
  streams: { stream: Labels; values: [ns: string, line: string, metadata?: Labels][] }[];
}

export const TAIL = '/loki/api/v1/tail';
export const QUERY_RANGE = '/loki/api/v1/query_range';
export const PUSH = '/loki/api/v1/push';

const HOUR_NS = 3_600_000_000_000n;
const LONGEST_RANGE_NS = (30n * 24n + 1n) * HOUR_NS;
const MOST_ENTRIES = 5000;
const LONGEST_DELAY_S = 5;

const TEXT = { 'content-type': 'text/plain; charset=utf-8' };
const JSON_TYPE = { 'content-type': 'application/json; charset=UTF-8' };

const NOT_READY =
  'Query Frontend not ready: not ready: number of schedulers this worker is connected to is 0\n';
const UNAUTHORIZED =
  '<html>\r\n<head><title>401 Authorization Required</title></head>\r\n' +
  '<body>\r\n<center><h1>401 Authorization Required</h1></center>\r\n</body>\r\n</html>\r\n';

/** A refusal with its status. */
class Refusal extends Error {
  readonly status: number;

  constructor(message: string, status = 400) {
    super(message);
    this.status = status;
  }
}

export class LokiServer extends MisbehavingServer {
  /** False: everything is answered with 503. */
  ready = true;
  /** Open ones. */
  readonly tails = new Set<Tail>();
  readonly #options: LokiOptions;
  readonly #store = new LokiStore();
  readonly #webSockets = new WebSocketServer({ noServer: true });
  #waiting: ((tail: Tail) => void)[] = [];
  #nextRefusals = 0;

  private constructor(options: LokiOptions) {
    super();
    this.#options = options;
  }

  static async start(options: LokiOptions = {}): Promise<LokiServer> {
    return new LokiServer(options).listen();
  }

  /** Stores entries, and sends the new ones to the tails. */
  push(labels: Labels, entries: PushedEntry[], { tenant = NO_TENANT } = {}): void {
    const added = this.#store.push(tenant, labels, entries);
    for (const tail of this.tails) tail.live(tenant, added).catch(() => undefined);
  }

  /** The tail, where one is open. */
  get tail(): Tail {
    const [tail, ...others] = this.tails;
    if (!tail || others.length > 0) throw new Error(`${this.tails.size} tails are open, not one`);
    return tail;
  }

  /** The next tail that is opened. */
  nextTail(): Promise<Tail> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Opens the next tails and closes them at once, as where there are too many. */
  refuseTails(next: number): void {
    this.#nextRefusals += next;
  }

  protected override respond(request: ReceivedRequest): Answer {
    return refusing(() => {
      this.#admit(request);
      return this.#route(request);
    });
  }

  protected override upgrade(
    request: ReceivedRequest,
    message: IncomingMessage,
    socket: Socket,
    head: Buffer,
  ): Answer | undefined {
    try {
      this.#admit(request);
      if (request.path !== TAIL) return notFound();
      this.#openTail(request, message, socket, head);
      return undefined;
    } catch (error) {
      return refused(error);
    }
  }

  #route(request: ReceivedRequest): Answer {
    const { path } = request;
    if (path === '/ready') return { status: 200, headers: TEXT, body: 'ready\n' };
    if (path === '/loki/api/v1/status/buildinfo') return buildinfo();
    const [, label] = /^\/loki\/api\/v1\/label\/([^/]+)\/values$/.exec(path) ?? [];
    if (label !== undefined) return this.#labelValues(request, decodeURIComponent(label));
    if (path === QUERY_RANGE) return this.#queryRange(request);
    if (path === PUSH) return this.#pushed(request);
    if (path === '/loki/api/v1/labels') return this.#labels(request);
    if (path === '/loki/api/v1/series') return this.#series(request);
    if (path === TAIL) {
      this.#tailSetup(request);
      return { status: 400, headers: TEXT, body: 'Bad Request\n' };
    }
    return notFound();
  }

  #admit({ headers, path }: ReceivedRequest): void {
    const { auth } = this.#options;
    if (auth) {
      const wanted = 'token' in auth ? `Bearer ${auth.token}` : basic(auth.user, auth.password);
      if (headers.authorization !== wanted) throw new Refusal(UNAUTHORIZED, 401);
    }
    if (!this.ready) throw new Refusal(NOT_READY, 503);
    if (path.startsWith('/loki/api/v1/') && !path.includes('/status/')) this.#tenants(headers);
  }

  #tenants(headers: ReceivedRequest['headers']): string[] {
    if (!this.#options.multiTenant) return [NO_TENANT];
    const header = headers['x-scope-orgid'];
    if (typeof header !== 'string' || header === '') throw new Refusal('no org id\n', 401);
    return [...new Set(header.split('|'))].sort();
  }

  #pushed({ headers, body }: ReceivedRequest): Answer {
    const [tenant = NO_TENANT] = this.#tenants(headers);
    const { streams } = JSON.parse(body) as PushBody;
    for (const { stream, values } of streams) {
      const entries = values.map(([ns, ...rest]): PushedEntry => [BigInt(ns), ...rest]);
      this.push(stream, entries, { tenant });
    }
    return { status: 204 };
  }

  #queryRange(request: ReceivedRequest): Answer {
    const { query, start, end } = timed(request);
    const categorize = categorizes(request);
    const direction = query.get('direction') ?? 'backward';
    if (direction !== 'forward' && direction !== 'backward') {
      throw new Refusal(`invalid direction '${direction}'`);
    }
    const limit = limitOf(query);
    const parsed = parseLogql(query.get('query') ?? '');
    if (end - start > LONGEST_RANGE_NS) {
      const length = goDuration(end - start);
      throw new Refusal(
        `the query time range exceeds the limit (query length: ${length}, limit: 30d1h)`,
      );
    }
    const selection: Selection = { query: parsed, start, end, limit, direction };
    const entries = this.#store.select(this.#tenants(request.headers), selection);
    const flags = categorize ? { encodingFlags: ['categorize-labels'] } : {};
    const stats = { summary: { totalEntriesReturned: entries.length }, ingester: {} };
    const result = grouped(entries, categorize);
    return success({ resultType: 'streams', ...flags, result, stats });
  }

  #labels(request: ReceivedRequest): Answer {
    const names = new Set<string>();
    for (const labels of this.#streamLabels(request)) {
      for (const name of Object.keys(labels)) names.add(name);
    }
    return success(names.size > 0 ? [...names].sort() : undefined);
  }

  #labelValues(request: ReceivedRequest, label: string): Answer {
    const values = new Set<string>();
    for (const labels of this.#streamLabels(request)) {
      if (labels[label] !== undefined) values.add(labels[label]);
    }
    return success(values.size > 0 ? [...values].sort() : undefined);
  }

  #series(request: ReceivedRequest): Answer {
    const queries = request.query.getAll('match[]').map((each) => parseLogql(each));
    const all = this.#streamLabels(request);
    return success(all.filter((labels) => queries.some((query) => query.selects(labels))));
  }

  /** Of the streams with an entry in the time asked for. */
  #streamLabels(request: ReceivedRequest): Labels[] {
    const { start, end } = timed(request);
    return this.#tenants(request.headers)
      .flatMap((tenant) => this.#store.streams(tenant))
      .filter(({ entries }) => entries.some(({ ns }) => ns >= start && ns < end))
      .map(({ labels }) => labels);
  }

  /** What a tail is asked to be; a refusal comes before any upgrade. */
  #tailSetup(request: ReceivedRequest) {
    const [tenant = '', ...others] = this.#tenants(request.headers);
    if (others.length > 0) throw new Refusal('multiple org IDs present');
    const delaySeconds = Number(request.query.get('delay_for') ?? 0);
    if (delaySeconds > LONGEST_DELAY_S) throw new Refusal("delay_for can't be greater than 5");
    const limit = limitOf(request.query, Infinity);
    const end = nowNs();
    const start = request.query.has('start') ? timed(request).start : end - HOUR_NS;
    const query = parsedForTail(request.query.get('query') ?? '');
    return { tenant, delayMs: delaySeconds * 1000, limit, start, end, query };
  }

  #openTail(request: ReceivedRequest, message: IncomingMessage, socket: Socket, head: Buffer) {
    const { tenant, delayMs, limit, start, end, query } = this.#tailSetup(request);
    this.#webSockets.handleUpgrade(message, socket, head, (ws) => {
      const { maxTails = Infinity, pingMs = 1000 } = this.#options;
      if (!query) {
        ws.close(1011, 'only log selector is supported');
        return;
      }
      if (this.#nextRefusals > 0 || this.tails.size >= maxTails) {
        this.#nextRefusals = Math.max(0, this.#nextRefusals - 1);
        ws.close(1011, tooManyTails(this.tails.size));
        return;
      }
      const categorize = categorizes(request);
      const tail = new Tail(ws, socket, { request, query, tenant, categorize, delayMs, pingMs });
      this.tails.add(tail);
      ws.on('close', () => this.tails.delete(tail));
      // The newest ones, but sent in the order of time.
      const selection: Selection = { query, start, end, limit, direction: 'backward' };
      tail.history(inOrder(this.#store.select([tenant], selection).reverse()));
      for (const resolve of this.#waiting.splice(0)) resolve(tail);
    });
  }
}

function parsedForTail(query: string) {
  try {
    return parseLogql(query);
  } catch (error) {
    if (error instanceof MetricQueryError) return undefined;
    throw error;
  }
}

/** The parameters, which a POST has in its body, and the time they name. */
function timed(request: ReceivedRequest) {
  const form = request.method === 'POST' ? new URLSearchParams(request.body) : undefined;
  const query = form ?? request.query;
  const now = nowNs();
  const given = (name: string) => query.get(name) ?? '';
  const since = given('since') ? parseDuration('since', given('since')) : HOUR_NS;
  const end = given('end') ? parseTime('end', given('end')) : now;
  const start = given('start')
    ? parseTime('start', given('start'))
    : (end < now ? end : now) - since;
  if (end <= start && request.path !== TAIL) {
    throw new Refusal('end timestamp must not be before or equal to start time');
  }
  return { query, start, end };
}

function limitOf(query: URLSearchParams, most = MOST_ENTRIES): number {
  const text = query.get('limit') ?? '100';
  const limit = Number(text);
  if (!/^-?\d+$/.test(text)) {
    throw new Refusal(`strconv.ParseUint: parsing "${text}": invalid syntax`);
  }
  if (limit <= 0) throw new Refusal('limit must be a positive value');
  if (limit > most) {
    throw new Refusal(
      `max entries limit per query exceeded, limit > max_entries_limit_per_query (${limit} > ${most})`,
    );
  }
  return limit;
}

/** Streams by their labels, with the structured metadata among them unless it is asked for apart. */
function grouped(entries: Entry[], categorize: boolean) {
  const streams = new Map<string, { stream: Labels; values: unknown[][] }>();
  for (const { ns, line, labels, metadata } of entries) {
    const stream = categorize ? labels : sorted({ ...labels, ...metadata });
    const key = labelText(stream);
    const group = streams.get(key) ?? { stream, values: [] };
    streams.set(key, group);
    const extra = categorize ? [{ structuredMetadata: metadata }] : [];
    group.values.push([String(ns), line, ...extra]);
  }
  return [...streams].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, group]) => group);
}

function categorizes({ headers }: ReceivedRequest): boolean {
  return String(headers['x-loki-response-encoding-flags']).includes('categorize-labels');
}

function tooManyTails(most: number): string {
  const counts = `(${most + 1} > ${most})`;
  return `rpc error: code = Code(400) desc = max concurrent tail requests limit exceeded, count > limit ${counts}`;
}

function refusing(route: () => Answer): Answer {
  try {
    return route();
  } catch (error) {
    return refused(error);
  }
}

function refused(error: unknown): Answer {
  if (error instanceof Refusal) {
    const html = error.message === UNAUTHORIZED;
    const headers: Record<string, string> = html ? { 'content-type': 'text/html' } : TEXT;
    return { status: error.status, headers, body: error.message };
  }
  if (error instanceof MetricQueryError) {
    return { status: 501, headers: TEXT, body: 'the Loki of the tests has no metric queries' };
  }
  if (error instanceof LogqlError || error instanceof TimeError) {
    return { status: 400, headers: TEXT, body: error.message };
  }
  throw error;
}

function notFound(): Answer {
  return { status: 404, headers: TEXT, body: '404 page not found\n' };
}

function buildinfo(): Answer {
  const body = { version: '', revision: '', branch: '', buildUser: '', buildDate: '' };
  const json = { ...body, goVersion: 'go1.26.6' };
  return {
    status: 200,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(json) + '\n',
  };
}

function success(data: unknown): Answer {
  return {
    status: 200,
    headers: JSON_TYPE,
    body: JSON.stringify({ status: 'success', data }) + '\n',
  };
}

function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}
