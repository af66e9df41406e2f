// The suite against servers that run, where a variable of the environment says where they are (CONTRIBUTING.md).
import { test } from 'node:test';

import { conforms } from './conformance.js';
import {
  graylogSubject,
  lokiSubject,
  prometheusSubject,
  PROMETHEUS_PAGE,
} from './real-subjects.js';

const PAGE = 50;

/** What a variable says, where it is set. */
function told(name: string): string | undefined {
  const value = process.env[name];
  return value === '' ? undefined : value;
}

/** Nothing is run, which is said. */
function skips(name: string, wanted: string): void {
  void test(name, { skip: `set ${wanted} to run the suite against it` });
}

const loki = told('LOKI_URL');
if (loki === undefined) skips('a real Loki', 'LOKI_URL');
else {
  const credentials = {
    tenant: told('LOKI_TENANT'),
    token: told('LOKI_TOKEN'),
    username: told('LOKI_USERNAME'),
    password: told('LOKI_PASSWORD'),
  };
  for (const mode of ['history', 'poll', 'tail'] as const) {
    conforms({
      name: `a real Loki, ${mode}`,
      isLive: mode !== 'history',
      page: PAGE,
      start: async () => lokiSubject(loki, mode, PAGE, credentials),
    });
  }
}

const graylog = told('GRAYLOG_URL');
const gelf = told('GRAYLOG_GELF_URL');
if (graylog === undefined || gelf === undefined) {
  skips('a real Graylog', 'GRAYLOG_URL and GRAYLOG_GELF_URL');
} else {
  const credentials = {
    token: told('GRAYLOG_TOKEN'),
    username: told('GRAYLOG_USERNAME'),
    password: told('GRAYLOG_PASSWORD'),
  };
  // The best that it has, and the one that all have.
  for (const api of [undefined, 'legacy'] as const) {
    for (const mode of ['history', 'poll'] as const) {
      conforms({
        name: `a real Graylog, ${api ?? 'the API of its version'}, ${mode}`,
        isLive: mode === 'poll',
        page: PAGE,
        start: async () => graylogSubject(graylog, gelf, { mode, api }, PAGE, credentials),
      });
    }
  }
}

const prometheus = told('PROMETHEUS_URL');
if (prometheus === undefined) skips('a Prometheus that runs', 'PROMETHEUS_URL');
else {
  for (const mode of ['range', 'poll'] as const) {
    conforms({
      name: `a Prometheus that runs, ${mode}`,
      isLive: mode === 'poll',
      page: PROMETHEUS_PAGE,
      cannot: { stops: 'time goes on, and each step has a sample' },
      start: async () => prometheusSubject(prometheus, mode),
    });
  }
}
