// The three ways to search Graylog, as requests.
import type { ServerRequest } from './server.js';

/**
 * `scripting`: the API for scripts. `views`: the export of messages as CSV. `legacy`: the universal search.
 */
export type GraylogApi = 'scripting' | 'views' | 'legacy';

/** Seconds until now, by the clock of the server, or times in milliseconds. */
export type Times = { seconds: number } | { from: number; to: number };

/** What is searched for. */
export interface Search {
  query: string;
  times: Times;
  limit: number;
  /** IDs; none for all. */
  streams: readonly string[];
  /** Absent for those that are given without asking. */
  fields: readonly string[] | undefined;
}

/** A request, but for its signal. */
export interface SearchRequest extends Omit<ServerRequest, 'signal'> {
  path: string;
}

export const ACCEPT_JSON = { accept: 'application/json' };

/** Without them messages have no time, no text, or nothing to tell them from others. */
const FIELDS = ['timestamp', 'source', 'message', 'gl2_message_id'];

/** Messages that an export reads at once from what is behind Graylog. */
const CHUNK = 1000;

/** Messages of some time: the oldest first, but of `views`, which knows only the newest first. */
export function searchOf(api: GraylogApi, search: Search): SearchRequest {
  if (api === 'legacy') return legacy(search);
  return api === 'views' ? views(search) : scripting(search);
}

function legacy({ query, times, limit, streams, fields }: Search): SearchRequest {
  const isRelative = 'seconds' in times;
  return {
    path: `/api/search/universal/${isRelative ? 'relative' : 'absolute'}`,
    headers: ACCEPT_JSON,
    query: {
      query,
      ...(isRelative ? { range: times.seconds } : { from: iso(times.from), to: iso(times.to) }),
      limit,
      sort: 'timestamp:asc',
      decorate: 'false',
      filter: streams.length > 0 ? `streams:${streams.join(',')}` : undefined,
      fields: fields && allOf(fields).join(','),
    },
  };
}

function views({ query, times, limit, streams, fields }: Search): SearchRequest {
  return post('/api/views/search/messages', 'text/csv', {
    timerange: rangeOf(times),
    query_string: { type: 'elasticsearch', query_string: query },
    ...(streams.length > 0 && { streams }),
    fields_in_order: allOf(fields),
    chunk_size: Math.min(limit, CHUNK),
    limit,
    time_zone: 'UTC',
  });
}

function scripting({ query, times, limit, streams, fields }: Search): SearchRequest {
  return post('/api/search/messages', 'application/json', {
    query,
    timerange: rangeOf(times),
    ...(streams.length > 0 && { streams }),
    fields: allOf(fields),
    from: 0,
    size: limit,
    sort: 'timestamp',
    sort_order: 'asc',
  });
}

function post(path: string, accept: string, body: object): SearchRequest {
  return {
    path,
    method: 'POST',
    // Graylog refuses what may come from a form of some page.
    headers: { accept, 'content-type': 'application/json', 'x-requested-by': 'logbraid' },
    body: JSON.stringify(body),
  };
}

function rangeOf(times: Times): object {
  return 'seconds' in times
    ? { type: 'relative', range: times.seconds }
    : { type: 'absolute', from: iso(times.from), to: iso(times.to) };
}

function allOf(fields: readonly string[] = []): string[] {
  return [...new Set([...FIELDS, ...fields])];
}

function iso(millis: number): string {
  return new Date(millis).toISOString();
}
