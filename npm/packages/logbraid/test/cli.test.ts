import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  closeSync,
  mkdtempSync,
  openSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

import stringWidth from 'string-width';

const BIN = fileURLToPath(new URL('../../bin/logbraid.js', import.meta.url));
const folder = mkdtempSync(path.join(os.tmpdir(), 'logbraid-test-'));
after(() => {
  rmSync(folder, { recursive: true });
});

/** Writes a file and gives its path. */
function file(name: string, content: string | Uint8Array): string {
  const full = path.join(folder, name);
  writeFileSync(full, content);
  return full;
}

const line = (second: number, fields: object) =>
  `${JSON.stringify({ time: new Date(Date.UTC(2026, 0, 1) + second * 1000), ...fields })}\n`;

interface Result {
  code: number | null;
  stdout: string;
  stderr: string;
}

async function logbraid(args: string[], input?: string): Promise<Result> {
  const child = spawn(process.execPath, [BIN, ...args], { stdio: 'pipe' });
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const result = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (result.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (result.stderr += text));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, ...result };
}

const AND = 'edge({})[5m] and on(id) app({})[5m]';
const EDGE = file(
  'edge.ndjson',
  line(0, { id: 'x', status: 200, uri: '/cart' }) + line(60, { id: 'y', status: 500 }),
);
const APP = file(
  'app.ndjson',
  line(0.25, { id: 'x', level: 'info', msg: 'started' }) +
    line(1, { id: 'x', level: 'error', msg: 'failed' }) +
    line(600, { id: 'z', level: 'info', msg: 'other' }),
);
const FILES = ['--file', `edge=${EDGE}`, '--file', `app=${APP}`];

test('a timeline shows the key and one line for each event', async () => {
  const { code, stdout, stderr } = await logbraid(['run', AND, ...FILES]);
  assert.equal(stderr, '');
  assert.equal(code, 0);
  const lines = stdout.trimEnd().split('\n');
  assert.equal(lines.length, 5);
  assert.equal(lines[0], 'id=x');
  assert.match(
    lines[1] ?? '',
    /^ {2}2026-01-01T00:00:00\.000Z · complete · 3 events · 1s · id [0-9a-f]+$/,
  );
  assert.match(lines[2] ?? '', /^ {4}\+0ms {2}edge {9}status=200 uri=\/cart$/);
  assert.match(lines[3] ?? '', /^ {2}\+250ms {2}app {3}info {3}started$/);
  assert.match(lines[4] ?? '', /^ {5}\+1s {2}app {3}error {2}failed$/);
});

test('any number of threads finds the same; one that makes no sense is named', async () => {
  const one = await logbraid(['run', AND, ...FILES, '--threads', '1']);
  for (const threads of [[], ['--threads', '2'], ['--threads', '64']]) {
    assert.deepEqual(await logbraid(['run', AND, ...FILES, ...threads]), one);
  }
  assert.equal(one.code, 0);
  for (const wrong of ['0', 'two', '65']) {
    const { code, stderr } = await logbraid(['run', AND, ...FILES, '--threads', wrong]);
    assert.equal(code, 2);
    assert.match(stderr, /^error: --threads /);
  }
});

test('a preset gives options, and flags win over it', async () => {
  const app = file('preset-app.ndjson', line(0, { id: 1 }) + line(100, { id: 2 }));
  // The last is 10 s behind.
  const edge = file('preset-edge.ndjson', [0, 60, 50].map((at) => line(at, { id: 1 })).join(''));
  const files = ['--file', `app=${app}`, '--file', `edge=${edge}`];
  const late = async (...flags: string[]) => {
    const query = 'app({})[5m] and on(id) edge({})[5m]';
    const { code, stderr } = await logbraid(['run', query, ...files, ...flags]);
    assert.equal(code, 0, stderr);
    return stderr.includes('came too late');
  };
  assert.equal(await late(), false);
  assert.equal(await late('--preset', 'development'), true);
  assert.equal(await late('--preset', 'development', '--late-tolerance', '30s'), false);
  const { code, stderr } = await logbraid(['run', AND, ...FILES, '--preset', 'huge']);
  assert.equal(code, 2);
  assert.match(stderr, /development.*low-memory/);
});

test('a timeline shows the labels of the correlation', async () => {
  const { stdout } = await logbraid(['run', `${AND} | select id, app.level`, ...FILES]);
  assert.equal(stdout.split('\n')[2], '  id=x app.level=info');
});

test('count, table, json and ndjson show the same', async () => {
  const count = await logbraid(['run', AND, ...FILES, '--output', 'count']);
  assert.equal(count.stdout, '1 correlation, 3 events\n');
  const table = await logbraid(['run', AND, ...FILES, '--output', 'table']);
  assert.match(
    table.stdout,
    /│ 2026-01-01T00:00:00.000Z │ id=x │ complete +│ +3 │ +1s │ edge app │ [0-9a-f]+ │/,
  );
  // Labels have a column where some correlation of the table has any.
  assert.doesNotMatch(table.stdout, /labels/);
  const select = `${AND} | select id, app.level`;
  const selected = await logbraid(['run', select, ...FILES, '--output', 'table']);
  assert.match(selected.stdout, /│ start +│ key +│ labels +│ completeness │/);
  assert.match(selected.stdout, /│ id=x │ id=x app\.level=\S+ +│ complete/);
  const ndjson = await logbraid(['run', AND, ...FILES, '--output', 'ndjson']);
  const json = await logbraid(['run', AND, ...FILES, '--output', 'json']);
  const parsed = JSON.parse(ndjson.stdout) as Record<string, unknown>;
  // The array is whole lines too.
  assert.equal(json.stdout, `[\n${ndjson.stdout}]\n`);
  assert.deepEqual(JSON.parse(json.stdout), [parsed]);
  assert.equal((parsed['events'] as unknown[]).length, 3);
  assert.equal(parsed['joinValue'], 'x');
});

test('nothing found is exit code 1, in every output', async () => {
  const query = 'edge({id="none"})[5m] and on(id) app({})[5m]';
  const expected = {
    timeline: '',
    table: '',
    json: '[]\n',
    ndjson: '',
    count: '0 correlations, 0 events\n',
  };
  for (const [output, stdout] of Object.entries(expected)) {
    const result = await logbraid(['run', query, ...FILES, '--output', output]);
    assert.deepEqual(result, { code: 1, stdout, stderr: '' });
  }
});

test('eager output counts each correlation once', async () => {
  const args = ['run', AND, ...FILES, '--emit', 'eager'];
  const count = await logbraid([...args, '--output', 'count']);
  assert.equal(count.stdout, '1 correlation, 3 events\n');
  const lines = await logbraid([...args, '--output', 'ndjson']);
  const last = JSON.parse(lines.stdout.trimEnd().split('\n').at(-1) ?? '') as Record<
    string,
    unknown
  >;
  assert.equal(last['final'], true);
});

test('start, end and limit', async () => {
  const both = 'edge({})[5m] unless on(none) app({})[5m]';
  const count = (...more: string[]) =>
    logbraid(['run', both, ...FILES, '--output', 'count', ...more]);
  assert.equal((await count()).stdout, '2 correlations, 2 events\n');
  assert.equal((await count('--limit', '1')).stdout, '1 correlation, 1 event\n');
  assert.equal((await count('--start', '2026-01-01T00:00:30Z')).stdout, '1 correlation, 1 event\n');
  assert.equal((await count('--end', '2026-01-01T00:00:00Z')).code, 1);
});

test('standard input is a source', async () => {
  const args = ['run', AND, '--file', `edge=${EDGE}`, '--file', 'app=-', '--output', 'count'];
  const { code, stdout } = await logbraid(args, line(0, { id: 'y' }) + line(61, { id: 'y' }));
  assert.deepEqual([code, stdout], [0, '1 correlation, 3 events\n']);
  // An empty source is one that has ended.
  assert.equal((await logbraid(args, '')).code, 1);
});

test('a path may hold commas and spaces; options follow it', async () => {
  const odd = file('odd, name,x=1.log', '{"ts":"2026-01-01T00:00:00Z","when":5,"id":"x"}\n');
  const args = ['run', AND, '--file', `edge=${odd},format=ndjson,time=ts`, '--file', `app=${APP}`];
  const { code, stdout, stderr } = await logbraid([...args, '--output', 'count']);
  assert.deepEqual([code, stdout, stderr], [0, '1 correlation, 3 events\n', '']);
});

test('usage errors are exit code 2 and say what to do', async () => {
  const wrong: [string[], RegExp][] = [
    [['run'], /missing required argument 'query'/],
    [['fly'], /unknown command 'fly'/],
    [['run', AND, '--fiel', 'x'], /unknown option '--fiel'/],
    [['run', AND, '--file', 'nopath'], /expected NAME=PATH/],
    [['run', AND, '--file', `edge=${EDGE}`, '--file', `edge=${APP}`], /--file edge is given twice/],
    [['run', AND, '--file', `edge=${EDGE}`], /the query reads app, .* add --file app=PATH/],
    [['run', AND, ...FILES, '--output', 'xml'], /timeline, table, json, ndjson, count/],
    [['run', AND, ...FILES, '--limit', '0'], /--limit 0: expected a whole number above 0/],
    [['run', AND, ...FILES, '--limit', ''], /--limit : expected a whole number above 0/],
    [['run', AND, ...FILES, '--limit', '1e2'], /--limit 1e2: expected a whole number above 0/],
    [['run', AND, ...FILES, '--start', 'noon'], /--start noon: expected a time such as/],
    [['run', AND, ...FILES, '--start=2026-02-01', '--end=2026-01-01'], /end must not be before/],
    [['run', AND, ...FILES, '--late-tolerance', '5'], /--late-tolerance 5: expected a duration/],
    [
      ['run', AND, ...FILES, '--file', `x=${EDGE},fromat=ndjson`],
      /no option fromat; options: format/,
    ],
    [['run', AND, ...FILES, '--max-memory', '12'], /expected a size such as 512MiB/],
    [['run', AND, ...FILES, '--max-memory', 'allMB'], /expected a size such as 512MiB/],
    [['run', AND, '--file', `edge=${EDGE},format=xml`, '--file', `app=${APP}`], /xml/],
    [['sources'], /--file/],
  ];
  for (const [args, message] of wrong) {
    const { code, stdout, stderr } = await logbraid(args);
    assert.equal(code, 2, `${args.join(' ')}: ${stderr}`);
    assert.equal(stdout, '');
    assert.match(stderr, message);
    assert.doesNotMatch(stderr, /^\s+at /m, 'no stack trace');
  }
});

test('a correlation of very many events is drawn', async () => {
  const many = Array.from({ length: 150_000 }, (_, n) => line(n / 1e4, { id: 'x' }));
  const args = ['run', AND, '--file', `edge=${file('many', many.join(''))}`, ...FILES.slice(2)];
  const { code, stdout } = await logbraid([...args, '--max-per-correlation', '1000000']);
  assert.equal(code, 0);
  assert.equal(stdout.trimEnd().split('\n').length, 2 + 150_000 + 2);
});

test('columns line up under text of any width', async () => {
  const wide = file('wide.ndjson', line(0.1, { id: '注文', level: '警告', msg: 'm' }));
  const plain = file('plain.ndjson', line(0, { id: '注文', level: 'info', msg: 'm' }));
  const args = ['run', AND, '--file', `edge=${plain}`, '--file', `app=${wide}`];
  const timeline = await logbraid(args);
  assert.match(
    timeline.stdout,
    /\n {4}\+0ms {2}edge {2}info {2}m\n {2}\+100ms {2}app {3}警告 {2}m\n/,
  );
  const table = await logbraid([...args, '--output', 'table']);
  const widths = table.stdout
    .trimEnd()
    .split('\n')
    .map((text) => stringWidth(text));
  assert.equal(new Set(widths).size, 1, table.stdout);
});

test('sizes have units, with or without their B', async () => {
  for (const size of ['64M', '64mb', '64MB', '64MiB', '0.5 GB', '1g']) {
    const { code, stderr } = await logbraid(['run', AND, ...FILES, '--max-memory', size]);
    assert.deepEqual([code, stderr], [0, ''], size);
  }
});

test('a file that is there is that file, whatever its name looks like', async () => {
  const odd = file('odd,zone=x.ndjson', line(0, { id: 'x' }));
  const run = (more: string) =>
    logbraid(['run', AND, '--file', `edge=${odd}${more}`, '--file', `app=${APP}`]);
  assert.deepEqual([(await run('')).code, (await run(',format=ndjson')).code], [0, 0]);
});

test('what is doubtful about a query that runs is told', async () => {
  const { code, stdout, stderr } = await logbraid([
    'run',
    AND.replace('on(id)', 'on(id) within(10m)'),
    ...FILES,
  ]);
  assert.equal(code, 0);
  assert.doesNotMatch(stdout, /warning/);
  assert.match(stderr, /^warning\[\w+\]: .*within/);
});

test('an output that cannot be written is an error, told in a line', async () => {
  for (const args of [
    ['run', AND, ...FILES],
    ['check', AND],
    ['sources', '--file', `app=${APP}`],
  ]) {
    const full = openSync('/dev/full', 'w');
    const child = spawn(process.execPath, [BIN, ...args], { stdio: ['ignore', full, 'pipe'] });
    let stderr = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    const [code] = (await once(child, 'close')) as [number | null];
    closeSync(full);
    assert.equal(code, 2);
    assert.match(stderr, /^error: standard output: [^\n]*no space left[^\n]*\n$/);
  }
});

test('a wrong query is drawn with carets, by run and by check', async () => {
  const query = 'edge({})[5m] and on(id) within(5q) app({})[5m]';
  const run = await logbraid(['run', query, ...FILES]);
  const check = await logbraid(['check', query]);
  assert.deepEqual([run.code, check.code, run.stdout, check.stderr], [2, 2, '', '']);
  assert.equal(run.stderr, check.stdout);
  assert.match(check.stdout, /^error\[\w+\]/);
  assert.match(check.stdout, /within\(5q\)[^\n]*\n *\| +\^\^/);
  const right = await logbraid(['check', AND]);
  assert.equal(right.code, 0);
  assert.match(right.stdout, /edge: edge\(\{\}\)\[5m\]/);
});

test('a source that cannot be read is exit code 3', async () => {
  for (const bad of [path.join(folder, 'missing'), folder]) {
    const { code, stdout, stderr } = await logbraid([
      'run',
      AND,
      '--file',
      `edge=${bad}`,
      '--file',
      `app=${APP}`,
    ]);
    assert.deepEqual([code, stdout], [3, '']);
    assert.ok(stderr.includes(bad), stderr);
  }
});

test('bad lines are summed up with their first place; the good ones count', async () => {
  const bytes = Buffer.concat([
    Buffer.from(line(0, { id: 'x' })),
    Buffer.from('{"time": oops\n'),
    Buffer.from([0xff, 0xfe, 0x0a]),
    Buffer.from('{"id":"no time"}\n'),
    Buffer.from('\u0000\u0000\n'),
    Buffer.from(line(1, { id: 'x' })),
  ]);
  const bad = file('bad.ndjson', bytes);
  const args = ['run', AND, '--file', `edge=${bad},format=ndjson`, '--file', `app=${APP}`];
  const { code, stdout, stderr } = await logbraid([...args, '--output', 'count']);
  assert.deepEqual([code, stdout], [0, '1 correlation, 4 events\n']);
  assert.match(
    stderr,
    new RegExp(`^warning: edge: \\d bad lines? \\(\\w+\\), first at ${bad}:2 \\(byte \\d+\\)`, 'm'),
  );
  assert.doesNotMatch(stderr, /undefined|NaN/);
});

test('a file that runs backwards is told, with advice', async () => {
  const lines = Array.from({ length: 200 }, (_, at) => line(at * 60, { id: `${at}` }));
  const up = file('up', lines.join(''));
  const down = file('down', lines.reverse().join(''));
  const { stderr } = await logbraid(['run', AND, '--file', `edge=${up}`, '--file', `app=${down}`]);
  assert.match(stderr, /^warning: app: .*down runs backwards in time .* sort it/m);
  assert.match(stderr, /^warning: app: \d+ events came too late to be kept/m);
});

test('where nothing is found, files without an event are told', async () => {
  const empty = file('nothing', '');
  const files = ['--file', `edge=${EDGE}`, '--file', `app=${empty}`];
  const { code, stderr } = await logbraid(['run', AND, ...files]);
  assert.equal(code, 1);
  assert.equal(stderr, `warning: app: there is no event in ${empty}\n`);
});

test('an empty file has ended', async () => {
  const args = ['run', AND.replace('and', 'unless'), '--file', `edge=${EDGE}`];
  const { code, stdout } = await logbraid([
    ...args,
    '--file',
    `app=${file('empty', '')}`,
    '--output',
    'count',
  ]);
  assert.deepEqual([code, stdout], [0, '2 correlations, 2 events\n']);
});

test('what a log holds never controls the terminal', async () => {
  const evil = 'a\u001b[31mred\u009b2J\r\u202eback\u0007\nnext';
  const app = file(
    'evil.ndjson',
    line(0, { id: 'x\u001b]0;t\u0007', msg: evil, level: 'e\u001b[1m' }),
  );
  const edge = file('evil-edge.ndjson', line(0, { id: 'x\u001b]0;t\u0007' }));
  for (const output of ['timeline', 'table']) {
    const { code, stdout } = await logbraid([
      'run',
      AND,
      '--file',
      `edge=${edge}`,
      '--file',
      `app=${app}`,
      '--output',
      output,
    ]);
    assert.equal(code, 0);
    // eslint-disable-next-line no-control-regex -- these are what it is about
    assert.doesNotMatch(stdout, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
  }
});

test('a reader that goes away is no error', async () => {
  const many = Array.from({ length: 20_000 }, (_, at) =>
    line(at, { id: `${at}`, pad: 'x'.repeat(50) }),
  );
  const big = file('big.ndjson', many.join(''));
  const child = spawn(process.execPath, [
    BIN,
    'run',
    AND,
    '--file',
    `edge=${big}`,
    '--file',
    `app=${big}`,
    '--output',
    'ndjson',
  ]);
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  child.stdout.once('data', () => child.stdout.destroy());
  const [code] = (await once(child, 'close')) as [number | null];
  assert.deepEqual([code, stderr], [0, '']);
});

test('an interrupt ends cleanly, with what was found', async () => {
  const args = [
    'run',
    AND,
    '--file',
    `edge=${EDGE}`,
    '--file',
    'app=-',
    '--emit',
    'eager',
    '--output',
    'json',
  ];
  const child = spawn(process.execPath, [BIN, ...args]);
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  child.stdin.write(Array.from({ length: 40 }, () => line(0, { id: 'x' })).join(''));
  // Shown while the input is still open.
  while (!stdout.includes('"joinValue":"x"')) await sleep(20);
  child.kill('SIGINT');
  const [code] = (await once(child, 'close')) as [number | null];
  assert.deepEqual([code, stderr], [130, '']);
  const found = JSON.parse(stdout) as { joinValue: string }[];
  assert.equal(found[0]?.joinValue, 'x');
});

/** Runs the command until its output has all of these, and interrupts it. */
async function interrupted(
  args: string[],
  found: string[],
  meanwhile: () => void,
): Promise<Result> {
  const child = spawn(process.execPath, [BIN, ...args]);
  const result = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (result.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (result.stderr += text));
  while (!found.slice(0, 1).every((text) => result.stdout.includes(text))) await sleep(20);
  meanwhile();
  while (!found.every((text) => result.stdout.includes(text))) await sleep(20);
  child.kill('SIGINT');
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, ...result };
}

test('--follow shows what is found while files grow, until it is interrupted', async () => {
  const now = () => ({ time: new Date() });
  const edge = file('live-edge.log', line(0, { ...now(), id: 'x' }));
  const app = file('live-app.log', line(0, { ...now(), id: 'x' }));
  const args = ['run', AND, '--file', `edge=${edge}`, '--file', `app=${app}*`, '--follow'];
  const { code, stdout, stderr } = await interrupted(
    [...args, '--output', 'ndjson'],
    ['"joinValue":"x"', '"joinValue":"y"'],
    () => {
      renameSync(app, `${app}.1`);
      appendFileSync(app, line(0, { ...now(), id: 'y' }));
      appendFileSync(edge, line(0, { ...now(), id: 'y' }));
    },
  );
  assert.deepEqual([code, stderr], [130, '']);
  for (const text of stdout.trimEnd().split('\n')) JSON.parse(text);
});

test('--http reads responses, goes on with --follow, and tells what is wrong', async () => {
  let asked = 0;
  const server = http.createServer((request, response) => {
    asked += 1;
    if (request.url === '/secret?token=hunter2') response.writeHead(403).end('no');
    else if (request.url === '/once') response.end(line(0, { id: 'x' }));
    else {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const text = line(0, { time: new Date(), id: `n${asked}` }).trimEnd();
      response.end(`id: ${asked}\ndata: ${text}\n\n`);
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  try {
    const files = ['--file', `app=${APP}`, '--output', 'count'];
    const read = await logbraid(['run', AND, '--http', `edge=${url}/once`, ...files]);
    assert.deepEqual([read.code, read.stderr], [0, '']);
    assert.equal(read.stdout, '1 correlation, 3 events\n');
    const secret = `${url.replace('//', '//me:hunter2@')}/secret?token=hunter2`;
    const refused = await logbraid(['run', AND, '--http', `edge=${secret}`, ...files]);
    assert.equal(refused.code, 3);
    assert.equal(refused.stderr, `error: ${url}/secret?token=***: 403 Forbidden: no\n`);
    const wrong = await logbraid(['run', AND, '--http', 'edge=me:hunter2@host', ...files]);
    assert.equal(wrong.code, 2);
    assert.match(wrong.stderr, /^error: --http: expected NAME=URL/);
    const others = Array.from({ length: 99 }, (_, at) =>
      line(0, { time: new Date(), id: `n${at}` }),
    );
    const other = file('other.log', others.join(''));
    const args = ['run', AND, '--follow', '--output', 'ndjson', '--file', `app=${other}`];
    const before = asked;
    const ids = [1, 2, 3].map((at) => `"joinValue":"n${before + at}"`);
    const live = await interrupted([...args, '--http', `edge=${url}/events`], ids, () => undefined);
    assert.equal(live.code, 130);
    assert.match(live.stderr, /^warning: edge: was interrupted \d+ times?, at first by http:/);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

test('sources looks into patterns and compressed files', async () => {
  const [first, second] = [line(0, { k: 1 }), line(1, { k: 2 })];
  file('many.log.1', gzipSync(first));
  const last = file('many.log', second);
  const { code, stdout } = await logbraid(['sources', '--json', '--file', `a=${last}*`]);
  assert.equal(code, 0);
  const [found] = JSON.parse(stdout) as Record<string, unknown>[];
  const size = first.length + second.length;
  assert.deepEqual([found?.['format'], found?.['events'], found?.['bytes']], ['ndjson', 2, size]);
});

test('sources tells what is in a file', async () => {
  const { code, stdout } = await logbraid(
    ['sources', '--file', `app=${APP}`, '--file', 'in=-'],
    line(0, { k: 1 }),
  );
  assert.equal(code, 0);
  assert.match(stdout, /^app: .*app\.ndjson\n {2}format +ndjson\n {2}time +time\n/);
  assert.match(stdout, /3 events, 0\.0 events\/s/);
  assert.match(stdout, /^ {4}level +3 events +2 values$/m);
  assert.match(stdout, /^in: -$/m);
  const json = await logbraid(['sources', '--json', '--file', `app=${APP}`]);
  const [found] = JSON.parse(json.stdout) as Record<string, unknown>[];
  assert.deepEqual([found?.['name'], found?.['format'], found?.['events']], ['app', 'ndjson', 3]);
  const missing = await logbraid(['sources', '--file', 'x=/does/not/exist']);
  assert.equal(missing.code, 3);
});

test('--stats gives figures, --version the version', async () => {
  const { stderr } = await logbraid(['run', AND, ...FILES, '--stats']);
  const stats = JSON.parse(stderr) as Record<string, number>;
  assert.deepEqual([stats['events'], stats['correlations'], stats['badLines']], [5, 1, 0]);
  assert.ok((stats['processBytes'] ?? 0) > 1e6 && (stats['seconds'] ?? 0) > 0);
  assert.match((await logbraid(['--version'])).stdout, /^\d+\.\d+\.\d+\n$/);
  const help = await logbraid(['run', '--help']);
  assert.equal(help.code, 0);
  assert.match(help.stdout, /Exit codes: 0 found, 1 nothing found/);
});

test('times without a year are near the last change of the file', async () => {
  const log = file(
    'old.log',
    '<34>Dec 31 23:59:58 host app: id=x\n<34>Jan  1 00:00:01 host app: id=x\n',
  );
  utimesSync(log, new Date('2021-01-01T01:00:00Z'), new Date('2021-01-01T01:00:00Z'));
  const { stdout } = await logbraid(['sources', '--file', `s=${log}`]);
  assert.match(stdout, /2020-12-31T23:59:58\.0+Z to 2021-01-01T00:00:01\.0+Z/);
});

test('format writes the canonical query, and draws what is wrong', async () => {
  const good = await logbraid(['format', 'edge({})[60s]AND on(id)(app({}))']);
  assert.deepEqual([good.code, good.stdout], [0, 'edge({})[1m] and on(id) app({})\n']);
  const bad = await logbraid(['format', 'a(']);
  assert.deepEqual([bad.code, bad.stdout], [2, '']);
  assert.match(bad.stderr, /^error\[/);
});

test('check and explain leave selectors of a selecting source to it', async () => {
  const query = 'loki({a="1"} | line_format "x")[5m] and on(id) app({})[5m]';
  const selecting = ['--selecting', 'loki', '--selecting', 'other'];
  assert.equal((await logbraid(['check', query])).code, 2);
  const check = await logbraid(['check', query, ...selecting]);
  assert.deepEqual([check.code, check.stdout.startsWith('The query runs.')], [0, true]);
  const explained = await logbraid(['explain', query, ...selecting]);
  assert.equal(explained.code, 0);
  assert.match(explained.stdout, /pushed down to loki/);
  const wrong = await logbraid(['explain', query.replace('on(id)', ''), ...selecting]);
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /^error\[QUERY_(?!SELECTOR)/);
});

test('what does not fit is told with the flags that bound it', async () => {
  const many = file(
    'many.ndjson',
    Array.from({ length: 3000 }, (_, at) => line(at / 100, { id: String(at) })).join(''),
  );
  const files = ['--file', `edge=${many}`, '--file', `app=${many}`];
  const run = ['run', 'edge({})[9s] and on(id) app({})[9s]', ...files, '--late-tolerance', '1s'];
  const bounded = (flag: string, value: string) =>
    logbraid([...run, '--overflow', 'block', flag, value]);
  const events = await bounded('--max-events', '500');
  assert.equal(events.code, 2);
  assert.equal(
    events.stderr,
    'error: the query needs more than 500 events (--max-events): it holds 501 over 5s of event time, ' +
      'of the 10s of its ranges and --late-tolerance; what these take cannot be told yet; ' +
      'raise --max-events, or use a shorter range or within\n',
  );
  const memory = await bounded('--max-memory', '1KB');
  assert.match(memory.stderr, /more than 0\.001 MiB \(--max-memory\)/);
  assert.match(memory.stderr, /raise --max-memory, or use/);
  const one = await logbraid(['run', AND, ...files, '--max-per-correlation', '1']);
  assert.deepEqual(
    [one.code, one.stderr.startsWith('error: --max-per-correlation must be')],
    [2, true],
  );
  assert.match((await logbraid(['run', AND, '--max-memory', '4GB'])).stderr, /at most 3000MiB/);
});

test('explain draws the plan, what it holds and what is cheaper', async () => {
  const query =
    'a({x="\u001b[31m"})[1h] then on(id) within(10s) (b({})[5m] unless on(id) c({})[1h])';
  const args = ['explain', query, '--rate', '100', '--bytes', '1000'];
  const { code, stdout, stderr } = await logbraid(args);
  assert.deepEqual([code, stderr], [0, '']);
  assert.equal(
    stdout,
    `then on(id), right 0s to 10s after left, session
├─ a: a({x="␛[31m"})[1h]
│    holds 40s: 4,000 events, 3.8 MiB; selector applied by the engine
└─ unless on(id), right -1h to 5m after left, session
   ├─ b: b({})[5m]
   │    holds 5m30s: 33,000 events, 31.5 MiB; selector applied by the engine
   └─ c: c({})[1h]
        holds 1h30s: 363,000 events, 346 MiB; selector applied by the engine

reads all of a, 1h back, for a
reads all of b, 5m back, for b
reads all of c, 1h back, for c
holds 400,000 events, 381 MiB, at 100 events/s of 1,000 bytes in each stream
score 55: moderate
hint: range 1h of \`c\` holds 12 times what 5m does: give a shorter range, or \`within(...)\`
`,
  );
  const json = await logbraid([...args, '--output', 'json']);
  const parsed = JSON.parse(json.stdout) as Record<string, unknown>;
  assert.deepEqual([parsed['events'], parsed['complexity']], [400_000, 'moderate']);
  const orderly = await logbraid([...args, '--output', 'json', '--late-tolerance', '0s']);
  assert.equal((JSON.parse(orderly.stdout) as { events: number }).events, 391_000);
  const picked = 'a({}) and on(id) within(10s) pick(first) b({})';
  const { stdout: withMatches } = await logbraid([
    'explain',
    picked,
    '--rate',
    '10',
    '--bytes',
    '600',
  ]);
  assert.match(withMatches, /holds 800 events, 781 KiB, at 10 .* stream, and with matches$/m);
  const bad = await logbraid(['explain', query, '--rate', '0']);
  assert.deepEqual([bad.code, bad.stdout], [2, '']);
  assert.match(bad.stderr, /^error: --rate 0: expected a whole number/);
  const wrong = await logbraid(['explain', 'a({})']);
  assert.deepEqual([wrong.code, wrong.stdout], [2, '']);
  assert.match(wrong.stderr, /^error\[/);
});
