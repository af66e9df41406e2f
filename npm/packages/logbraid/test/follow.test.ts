// Files that grow, and are rotated while they do.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import {
  appendFile,
  copyFile,
  mkdir,
  open,
  rename,
  rm,
  truncate,
  unlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { gzipSync } from 'node:zlib';

import { CorrelationEngine } from 'logbraid';
import type { StreamItem } from 'logbraid';
import { FileAdapter } from 'logbraid/file';

const root = mkdtempSync(path.join(os.tmpdir(), 'logbraid-follow-'));
after(() => {
  rmSync(root, { recursive: true });
});

const newFolder = () => mkdtempSync(path.join(root, 'f-'));

/** Reads an adapter as text, for as long as it is asked. */
class Lines {
  readonly adapter: FileAdapter;
  readonly #abort = new AbortController();
  readonly #stream: AsyncIterator<StreamItem>;
  #text = '';
  #first = 0;

  constructor(paths: string | string[], options = {}) {
    this.adapter = new FileAdapter(paths, { follow: true, pollInterval: 20, ...options });
    const { signal } = this.#abort;
    const stream = this.adapter.createStream('', { range: 0, timeRange: '0s', signal });
    this.#stream = stream[Symbol.asyncIterator]();
  }

  /** The next line. */
  async next(): Promise<string> {
    for (;;) {
      const end = this.#text.indexOf('\n', this.#first);
      if (end >= 0) {
        const line = this.#text.slice(this.#first, end);
        this.#first = end + 1;
        return line;
      }
      const next = await this.#stream.next();
      assert.ok(!next.done, 'the stream has ended');
      assert.ok(next.value instanceof Uint8Array);
      this.#text = this.#text.slice(this.#first) + new TextDecoder().decode(next.value);
      this.#first = 0;
    }
  }

  async take(count: number): Promise<string[]> {
    const lines: string[] = [];
    while (lines.length < count) lines.push(await this.next());
    return lines;
  }

  async close(): Promise<void> {
    this.#abort.abort();
    await this.#stream.return?.();
  }
}

const COUNT = 20_000;

/** Writes numbered lines, cut anywhere, and rotates now and then; `caughtUp` resolves when some of the file has been read. */
async function writeLines(
  file: string,
  rotate: (generation: number) => Promise<void>,
  caughtUp: (line: number) => Promise<void>,
): Promise<void> {
  let handle = await open(file, 'a');
  let generation = 0;
  for (let at = 0; at < COUNT;) {
    const begin = at;
    const end = Math.min(at + 700 + ((at * 7919) % 900), COUNT);
    while (at < end) {
      const many = 1 + ((at * 31) % 40);
      let text = '';
      for (const last = Math.min(at + many, end); at < last; at += 1) text += `line ${at}\n`;
      const cut = (at * 13) % text.length;
      await handle.write(text.slice(0, cut));
      await handle.write(text.slice(cut));
    }
    if (at === COUNT) break;
    await caughtUp(begin);
    await rotate((generation += 1));
    await handle.close();
    handle = await open(file, 'a');
  }
  await handle.close();
}

const NUMBERED = Array.from({ length: COUNT }, (_, at) => `line ${at}`);

for (const [what, rotate] of Object.entries({
  renamed: (file: string, generation: number) => rename(file, `${file}.${generation}`),
  'copied and cut': async (file: string, generation: number) => {
    await copyFile(file, `${file}.${generation}`);
    await truncate(file);
  },
})) {
  for (const pattern of ['app.log', 'app.log*']) {
    test(`of a file that is ${what} while it is written, ${pattern} gives each line once and in order`, async () => {
      const folder = newFolder();
      const file = path.join(folder, 'app.log');
      const lines = new Lines(path.join(folder, pattern));
      const got: string[] = [];
      let tell: () => void = () => undefined;
      const caughtUp = async (line: number) => {
        while (got.length <= line) await new Promise<void>((resolve) => (tell = resolve));
      };
      const written = writeLines(file, (generation) => rotate(file, generation), caughtUp);
      while (got.length < COUNT) {
        got.push(await lines.next());
        tell();
      }
      await written;
      assert.deepEqual(got, NUMBERED);
      // And nothing more.
      await appendFile(file, 'marker\n');
      assert.equal(await lines.next(), 'marker');
      await lines.close();
    });
  }
}

test('what is there is read first, then what is appended; a line is whole', async () => {
  const file = path.join(newFolder(), 'app.log');
  await writeFile(file, 'one\ntw');
  const lines = new Lines(file);
  assert.equal(lines.adapter.bounded, false);
  assert.equal(await lines.next(), 'one');
  assert.equal(lines.adapter.status().state, 'history');
  const next = lines.next();
  await appendFile(file, 'o\nthree\n');
  assert.equal(await next, 'two');
  assert.equal(await lines.next(), 'three');
  const last = lines.next();
  while (lines.adapter.status().state !== 'live') await new Promise(setImmediate);
  await appendFile(file, 'four\n');
  assert.equal(await last, 'four');
  assert.equal(lines.adapter.status().bytes, 'one\ntwo\nthree\nfour\n'.length);
  await lines.close();
  assert.equal(lines.adapter.status().streams, 0);
});

test('a file that is not there, or vanishes for a while, is waited for', async () => {
  const folder = newFolder();
  const file = path.join(folder, 'later', 'app.log');
  const lines = new Lines(file);
  const first = lines.next();
  await new Promise(setImmediate);
  await mkdir(path.dirname(file));
  await writeFile(file, 'one\n');
  assert.equal(await first, 'one');
  const second = lines.next();
  await unlink(file);
  await writeFile(file, 'two\n');
  assert.equal(await second, 'two');
  await lines.close();
});

test('a file that is cut and written anew beyond where it was is read from its beginning', async () => {
  const file = path.join(newFolder(), 'app.log');
  await writeFile(file, 'a1\na2\n');
  const lines = new Lines(file);
  assert.deepEqual(await lines.take(2), ['a1', 'a2']);
  await writeFile(file, 'b1\nb2\nb3\nb4\n');
  assert.deepEqual(await lines.take(4), ['b1', 'b2', 'b3', 'b4']);
  await lines.close();
});

test('a writer that keeps a renamed file is read on, and its last line needs no end', async () => {
  const folder = newFolder();
  const file = path.join(folder, 'app.log');
  const handle = await open(file, 'a');
  await handle.write('one\n');
  const lines = new Lines(file);
  assert.equal(await lines.next(), 'one');
  await rename(file, path.join(folder, 'old'));
  await handle.write('two\nthree');
  assert.equal(await lines.next(), 'two');
  await handle.close();
  assert.equal(await lines.next(), 'three');
  await writeFile(file, 'four\n');
  assert.equal(await lines.next(), 'four');
  await lines.close();
});

test('files that match later are read, lines of several are never mixed, compressed copies are left out', async () => {
  const folder = newFolder();
  const at = (name: string) => path.join(folder, name);
  await writeFile(at('old.log.gz'), gzipSync('old\n'));
  await utimes(at('old.log.gz'), 1, 1);
  await writeFile(at('a.log'), 'a1\n');
  const lines = new Lines(at('*.log*'));
  assert.deepEqual(await lines.take(2), ['old', 'a1']);
  await writeFile(at('new.log.gz'), gzipSync('old\n'));
  await writeFile(at('b.log'), 'b1\nb');
  assert.equal(await lines.next(), 'b1');
  await appendFile(at('a.log'), 'a2\na');
  assert.equal(await lines.next(), 'a2');
  await appendFile(at('b.log'), '2\n');
  assert.equal(await lines.next(), 'b2');
  await appendFile(at('a.log'), '3\n');
  assert.equal(await lines.next(), 'a3');
  await lines.close();
});

test('what nobody asks for is not read', async () => {
  const file = path.join(newFolder(), 'app.log');
  const line = `${'x'.repeat(1023)}\n`;
  await writeFile(file, line.repeat(1024));
  const lines = new Lines(file);
  await lines.next();
  const { bytes } = lines.adapter.status();
  for (let round = 0; round < 8; round += 1) {
    await appendFile(file, line.repeat(1024));
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.equal(lines.adapter.status().bytes, bytes);
  await lines.take(9 * 1024 - 1);
  assert.equal(lines.adapter.status().bytes, 9 << 20);
  await lines.close();
});

test('whenever a stream is left, it leaves no handle and no timer', async () => {
  const folder = newFolder();
  const file = path.join(folder, 'app.log');
  await writeFile(file, 'one\ntwo\n');
  const before = process.getActiveResourcesInfo().length;
  for (const way of ['abort', 'destroy', 'return'] as const) {
    for (let turns = 0; turns < 40; turns += 1) {
      const abort = new AbortController();
      const adapter = new FileAdapter(path.join(folder, '*'), { follow: true, pollInterval: '1h' });
      const options = { range: 0, timeRange: '0s', signal: abort.signal };
      const stream = adapter.createStream('', options)[Symbol.asyncIterator]();
      const seen = (async () => {
        let count = 0;
        while (!(await stream.next()).done) count += 1;
        return count;
      })();
      for (let turn = 0; turn < turns; turn += 1) await new Promise(setImmediate);
      if (way === 'abort') abort.abort();
      else if (way === 'destroy') await adapter.destroy();
      else {
        // A generator that waits returns when its wait ends.
        const returned = stream.return?.();
        abort.abort();
        await returned;
      }
      assert.ok((await seen) <= 1);
      assert.equal(adapter.status().streams, 0);
    }
  }
  // Handles are closed in turns of their own; one that is never closed runs into the timeout.
  while (process.getActiveResourcesInfo().length > before) await new Promise(setImmediate);
});

test('a live query over a file tells what it finds while the file grows', async () => {
  const folder = newFolder();
  const [app, edge] = [path.join(folder, 'app.log'), path.join(folder, 'edge.log')];
  const event = (id: string) => `${JSON.stringify({ time: new Date(), id })}\n`;
  await writeFile(app, event('r1'));
  await writeFile(edge, '');
  await using engine = new CorrelationEngine();
  engine.addAdapter('app', new FileAdapter(app, { follow: true }));
  engine.addAdapter('edge', new FileAdapter(edge, { follow: true }));
  const found: string[] = [];
  const query = 'app({})[5m] and on(id) within(1m) edge({})[5m]';
  setTimeout(() => void appendFile(edge, event('r1')), 50);
  for await (const { joinValue } of engine.correlate(query)) {
    found.push(joinValue);
    if (found.length === 2) break;
    await appendFile(app, event('r2'));
    await appendFile(edge, event('r2'));
  }
  assert.deepEqual(found, ['r1', 'r2']);
  await rm(folder, { recursive: true });
});
