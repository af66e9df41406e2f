// Files as they are read once: patterns, order, compression.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

import { Zstd } from '@hpcc-js/wasm-zstd';
import { CorrelationEngine, OptionError, SourceError, inspect } from 'logbraid';
import { FileAdapter } from 'logbraid/file';

const BIN = fileURLToPath(new URL('../../bin/logbraid.js', import.meta.url));
const root = mkdtempSync(path.join(os.tmpdir(), 'logbraid-file-'));
after(() => {
  rmSync(root, { recursive: true });
});

const zstd = await Zstd.load();
let folders = 0;

/** A new folder with files; the first was written last. Gives the path of a name in it. */
function folder(files: Record<string, string | Uint8Array>): (name: string) => string {
  const own = mkdtempSync(path.join(root, `${(folders += 1)}-`));
  for (const [at, [name, content]] of Object.entries(files).entries()) {
    writeFileSync(path.join(own, name), content);
    utimesSync(path.join(own, name), 1_000_000 - at, 1_000_000 - at);
  }
  return (name) => path.join(own, name);
}

const options = { range: 0, timeRange: '0s', signal: new AbortController().signal };

/** All that an adapter gives. */
async function textOf(adapter: FileAdapter): Promise<string> {
  const blocks: Uint8Array[] = [];
  for await (const block of adapter.createStream('', options)) {
    assert.ok(block instanceof Uint8Array);
    blocks.push(block);
  }
  return Buffer.concat(blocks).toString();
}

const line = (second: number, id: string) =>
  `${JSON.stringify({ time: new Date(Date.UTC(2026, 0, 1) + second * 1000), id })}\n`;
const LINES = Array.from({ length: 60_000 }, (_, at) => line(at, `r${at % 977}`)).join('');
const bytes = new TextEncoder().encode(LINES);
const half = bytes.length >> 1;
const halves = [bytes.subarray(0, half), bytes.subarray(half)] as const;
const zstandard = (part: Uint8Array) => Buffer.from(zstd.compress(part));

/** A frame that zstd is to skip. */
const SKIPPED = Buffer.from([0x53, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);

for (const [what, content] of Object.entries({
  gzip: gzipSync(bytes),
  'gzip of two members': Buffer.concat(halves.map((part) => gzipSync(part))),
  zstd: zstandard(bytes),
  'zstd of two frames': Buffer.concat(halves.map(zstandard)),
  'zstd with frames to skip': Buffer.concat([SKIPPED, zstandard(bytes), SKIPPED]),
})) {
  test(`${what} is read as what it was, whatever its name`, async () => {
    const at = folder({ 'app.log': content });
    const adapter = new FileAdapter(at('app.log'));
    assert.equal(adapter.file, undefined);
    assert.equal(await textOf(adapter), LINES);
    // The engine finds in it what it finds in the plain file.
    const plain = await inspect([bytes]);
    assert.deepEqual(await inspect(new FileAdapter(at('app.log')).read()), plain);
  });

  test(`${what} that is broken off is told`, async () => {
    const at = folder({ 'app.log': content.subarray(0, content.length - SKIPPED.length - 9) });
    await assert.rejects(textOf(new FileAdapter(at('app.log'))), (error: unknown) => {
      assert.ok(error instanceof SourceError);
      assert.equal(error.details['path'], at('app.log'));
      assert.match(error.message, /app\.log: unexpected (end of file|EOF)$/);
      return true;
    });
  });
}

test('a plain file is read by the engine itself', () => {
  const at = folder({ 'app.log': 'a\n', 'b[1].log': 'b\n' });
  assert.equal(new FileAdapter(at('app.log')).file, at('app.log'));
  assert.equal(new FileAdapter(at('b[1].log')).file, at('b[1].log'));
  assert.equal(new FileAdapter(at('missing.log')).file, at('missing.log'));
  assert.equal(new FileAdapter(at('*.log')).file, undefined);
  assert.equal(new FileAdapter(at('app.log'), { follow: true }).file, undefined);
});

test('rotated files are read oldest first, and no line is joined with the next file', async () => {
  const at = folder({
    'app.log': '5\n6',
    'app.log.1': '3\n4',
    'app.log.2.gz': gzipSync('1\n2'),
    other: 'no\n',
  });
  assert.equal(await textOf(new FileAdapter(at('app.log*'))), '1\n2\n3\n4\n5\n6');
  // The same file by two names, and by a link, is one.
  symlinkSync(at('app.log.1'), at('app.log.link'));
  const several = [at('app.log'), at('app.log*'), at('app.log.link')];
  assert.equal(await textOf(new FileAdapter(several)), '1\n2\n3\n4\n5\n6');
});

test('files of one moment are read in order of rotation, then of name', async () => {
  const at = folder({ 'app.log': '4\n', 'app.log.2': '2\n', 'app.log.10': '1\n', 'b.log': '5\n' });
  writeFileSync(at('app.log.1'), '3\n');
  for (const name of ['app.log', 'app.log.1', 'app.log.2', 'app.log.10', 'b.log']) {
    utimesSync(at(name), 1, 1);
  }
  assert.equal(await textOf(new FileAdapter(at('*'))), '1\n2\n3\n4\n5\n');
});

test('what is not there is named', async () => {
  const at = folder({ 'app.log': 'a\n' });
  for (const [paths, message] of [
    [at('*.txt'), /\*\.txt: no file has such a name$/],
    [[at('app.log'), at('b.log')], /b\.log: ENOENT/],
    [path.dirname(at('app.log')), /: EISDIR/],
  ] as const) {
    await assert.rejects(textOf(new FileAdapter(paths)), (error: unknown) => {
      assert.ok(error instanceof SourceError);
      assert.match(error.message, message);
      return true;
    });
  }
});

test('options that make no sense are named', () => {
  for (const [option, make] of [
    ['path', () => new FileAdapter('')],
    ['path', () => new FileAdapter([])],
    ['path', () => new FileAdapter(['-', 'a'])],
    ['pollInterval', () => new FileAdapter('a', { pollInterval: 0 })],
    ['pollInterval', () => new FileAdapter('a', { pollInterval: 'often' })],
  ] as const) {
    assert.throws(make, (error: unknown) => {
      return error instanceof OptionError && error.details['option'] === option;
    });
  }
});

test('a query over a pattern and compressed files finds what it finds in plain ones', async () => {
  const query = 'a({})[1m] and on(id) within(1s) b({})[1m]';
  const others = Array.from({ length: 500 }, (_, at) => line(at * 3 + 0.5, `r${(at * 3) % 977}`));
  const at = folder({
    'b.zst': zstandard(new TextEncoder().encode(others.join(''))),
    'b.log': others.join(''),
    'a.log.1': halves[1],
    'a.log.2': gzipSync(halves[0]),
    'plain.log': bytes,
  });
  const ids = async (a: string, b: string) => {
    await using engine = new CorrelationEngine();
    engine.addAdapter('a', new FileAdapter(at(a))).addAdapter('b', new FileAdapter(at(b)));
    return (await engine.run(query)).map((found) => found.correlationId);
  };
  const expected = await ids('plain.log', 'b.log');
  assert.equal(expected.length, 500);
  // Halves are cut within a line, which is not made whole again: those around it are the same.
  assert.deepEqual(await ids('plain.log', 'b.zst'), expected);
  assert.ok((await ids('a.log.*', 'b.zst')).length >= 499);
});

test('a stream that is left has read no further, and leaves nothing open', async () => {
  const at = folder({ 'app.log': gzipSync(bytes), 'b.log': bytes });
  const handles = () => process.getActiveResourcesInfo().length;
  const before = handles();
  for (const name of ['app.log', 'b.log']) {
    const adapter = new FileAdapter(at(name));
    const stream = adapter.createStream('', options)[Symbol.asyncIterator]();
    await stream.next();
    assert.equal(adapter.status().streams, 1);
    const { bytes: read } = adapter.status();
    assert.ok(read > 0 && read < bytes.length);
    // What nobody asks for is not read.
    for (let turn = 0; turn < 50; turn += 1) await new Promise(setImmediate);
    assert.equal(adapter.status().bytes, read);
    await stream.return?.();
    assert.deepEqual(adapter.status().streams, 0);
  }
  const abort = new AbortController();
  const adapter = new FileAdapter(at('b.log'));
  const stream = adapter.createStream('', { ...options, signal: abort.signal });
  for await (const block of stream) {
    assert.ok(block);
    abort.abort();
  }
  assert.equal(adapter.status().state, 'idle');
  // Handles are closed in turns of their own.
  while (handles() > before) await new Promise(setImmediate);
});

/** Runs a program whose standard input is a pipe. */
function program(code: string) {
  const args = ['--input-type=module', '--eval', code];
  const child = spawn(process.execPath, args, { cwd: path.dirname(BIN), stdio: 'pipe' });
  child.stdin.on('error', () => undefined);
  child.stdout.setEncoding('utf8');
  child.stderr.pipe(process.stderr);
  return child;
}

const READ = `
  import { FileAdapter } from 'logbraid/file';
  const adapter = FileAdapter.stdin({ follow: process.argv.includes('--follow') });
  const { signal } = new AbortController();
`;

test('standard input is read to its end, compressed or not', async () => {
  for (const content of [bytes, gzipSync(bytes), zstandard(bytes)]) {
    const child = program(`${READ}
      let size = 0;
      for await (const block of adapter.createStream('', { signal })) size += block.length;
      console.log(adapter.bounded, size);
    `);
    child.stdin.end(content);
    const [output] = (await once(child.stdout, 'data')) as [string];
    assert.equal(output, `true ${bytes.length}\n`);
  }
});

test('standard input that stays open is left with its stream, and keeps no process', async () => {
  const child = program(`${READ}
    const stream = adapter.createStream('', { signal });
    const read = async () => new TextDecoder().decode((await stream.next()).value);
    console.log(await read());
    const last = stream.next();
    await adapter.destroy();
    console.log((await last).done);
  `);
  child.stdin.write('live');
  let output = '';
  child.stdout.on('data', (text: string) => (output += text));
  const [code] = (await once(child, 'exit')) as [number];
  assert.deepEqual([code, output], [0, 'live\ntrue\n']);
});
