// Everything docs/migrating-from-log-correlator.md shows is so: its examples print what stands below them,
// its queries find what is beside them, and it has a word on all there was.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import * as compat from 'logbraid/compat';
import type { CorrelatedEvent, LogEvent } from 'logbraid/compat';

import { readEvents } from './case.js';
import { Feed, T0 } from './feed.js';
import { codeOf, readMarkdown } from './markdown.js';

const PAGE = new URL('../../../../../docs/migrating-from-log-correlator.md', import.meta.url);
const PACKAGE = fileURLToPath(new URL('../../', import.meta.url));

const pieces = readMarkdown(readFileSync(PAGE, 'utf8'));
const blocks = pieces.flatMap((piece) => (piece.kind === 'block' ? [piece] : []));
const rows = pieces.flatMap((piece) => (piece.kind === 'row' ? [piece] : []));

for (const { language, text, output, line } of blocks) {
  if (language !== 'js') continue;
  void test(`line ${line + 1}: the example prints what is shown`, () => {
    assert.ok(output, 'its output is shown');
    // In the package, so that it can import itself by name.
    const file = path.join(PACKAGE, 'dist', `migrating-${line}.mjs`);
    writeFileSync(file, text);
    try {
      const printed = execFileSync(process.execPath, [file], { encoding: 'utf8' });
      assert.equal(printed.trimEnd(), output.text);
    } finally {
      rmSync(file);
    }
  });
}

const sources = new Map(
  (blocks.find(({ language }) => language === 'events')?.text ?? '').split('\n').map((line) => {
    const [, name = '', text = ''] = /^(\w+): (.*)$/.exec(line) ?? [];
    const events = readEvents(text).map(({ time, labels }): LogEvent => ({
      timestamp: time,
      labels: Object.fromEntries(labels),
    }));
    return [name, events] as const;
  }),
);

/** What a query finds, such as `{loki#1@0 loki#2@1} region=eu`. */
async function answer(query: string): Promise<string> {
  await using engine = new compat.CorrelationEngine();
  for (const [name, events] of sources) {
    // The others select themselves, in languages of their own.
    engine.addAdapter(name, name === 'loki' ? events : new Feed([...events]).end());
  }
  const found: string[] = [];
  for await (const one of engine.correlate(query)) found.push(textOf(one));
  return found.sort().join(', ');
}

function textOf({ events, metadata, labels }: CorrelatedEvent): string {
  const seconds = (timestamp: string) => (Date.parse(timestamp) - T0) / 1000;
  const names = events.map(({ stream, timestamp }) => `${stream}@${seconds(timestamp)}`);
  const said = Object.entries(labels).map((pair) => ` ${pair.join('=')}`);
  const partial = metadata.completeness === 'partial' ? ' partial' : '';
  return `{${names.join(' ')}}${partial}${said.join('')}`;
}

const queries = rows.filter(({ head }) => head[0] === 'query');
for (const { cells, line } of queries) {
  void test(`line ${line + 1}: ${cells[0] ?? ''}`, async () => {
    assert.equal(await answer(codeOf(cells[0] ?? '') ?? ''), cells[1]);
  });
}

void test('the queries of the guides are there', () => {
  assert.ok(queries.length >= 14);
});

/** What stands as code in the first column of a table with this head. */
function listed(head: string): string[] {
  const cells = rows.filter((row) => row.head[0] === head).map(({ cells }) => cells[0] ?? '');
  return cells.flatMap((cell) => [...cell.matchAll(/`(\w+)/g)].map((match) => match[1] ?? ''));
}

/** Names that log-correlator has, and that the page says something of. */
const there: Record<string, string> = {
  Option:
    'defaultTimeWindow timeWindow maxEvents lateTolerance joinType bufferSize processingInterval maxMemoryMB ' +
    'gcInterval shardId shardCount',
  Method: 'addAdapter getAdapter correlate validateQuery destroy',
  Event:
    'correlationFound performanceMetrics memoryWarning adapterAdded eventReceived eventBuffered windowCreated ' +
    'windowClosed lateEvent',
  'Class, option or method':
    'StreamJoiner joinType joinKeys timeWindow lateTolerance maxEvents temporal labelMappings filter grouping ' +
    'ignoring join joinRealtime cleanup MultiStreamJoiner joinMultiple TimeWindow BackpressureController paused ' +
    'resumed eventDropped processingError PerformanceMonitor metrics highLatency highMemoryUsage lowThroughput ' +
    'EventDeduplicator IndexedEventStore findCorrelations ParallelProcessor processWindows processStreamsParallel ' +
    'processChunk CorrelationError parseTimeWindow formatDuration generateCorrelationId isValidTimestamp ' +
    'extractLabels debounce LokiAdapter GraylogAdapter PromQLAdapter',
  'Class or method': 'PeggyQueryParser parse validate getSuggestions formatQuery QueryBuilder',
  Code:
    'QUERY_PARSE_ERROR ADAPTER_NOT_FOUND ADAPTER_EXISTS WEBSOCKET_MAX_RETRIES LOKI_QUERY_ERROR LOKI_LABELS_ERROR ' +
    'GRAYLOG_SEARCH_ERROR GRAYLOG_STREAMS_ERROR AUTH_REQUIRED PROMQL_PARSE_ERROR PROMQL_QUERY_ERROR MEMORY_ERROR ' +
    'TIMEOUT_ERROR ADAPTER_ERROR',
};

for (const [head, names] of Object.entries(there)) {
  void test(`the page has a word on each ${head.toLowerCase()}`, () => {
    const told = listed(head);
    const missing = names.split(' ').filter((name) => !told.includes(name));
    assert.deepEqual(missing, []);
  });
}

void test('what the page says is exported is', () => {
  const classes = [...listed('Class, option or method'), ...listed('Class or method')];
  const named = classes.filter((name) => /^[A-Z]/.test(name));
  assert.deepEqual(
    named.filter((name) => !(name in compat)),
    [],
  );
});
