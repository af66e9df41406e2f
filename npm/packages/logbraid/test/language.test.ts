// Everything docs/language.md shows is so: its commands print what stands below them, its queries
// make sense or are told as shown, its tables say what the engine finds. `cargo xtask docs` writes the
// outputs anew.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { CorrelationEngine, IterableAdapter, render, validate } from 'logbraid';
import type { Correlation } from 'logbraid';

import { BASE, readEvents, toLine, writeSeconds } from './case.js';
import { codeOf, readMarkdown, writeRow } from './markdown.js';
import type { Place } from './markdown.js';

const ROOT = fileURLToPath(new URL('../../../../../', import.meta.url));
const PACKAGE = fileURLToPath(new URL('../../', import.meta.url));
const PAGE = path.join(ROOT, 'docs/language.md');
const UPDATE = process.env['LOGBRAID_UPDATE_DOCS'] !== undefined;

const page = readFileSync(PAGE, 'utf8');
const pieces = readMarkdown(page);
const lines = page.split('\n');
/** What replaces so many lines from a line on. */
const changes: { line: number; count: number; text: string }[] = [];

const folder = mkdtempSync(path.join(os.tmpdir(), 'logbraid-docs-'));
const COMMAND = path.join(folder, 'logbraid');
writeFileSync(
  COMMAND,
  `#!/bin/sh\nexec "${process.execPath}" "${path.join(PACKAGE, 'bin/logbraid.js')}" "$@"\n`,
);
chmodSync(COMMAND, 0o755);

after(() => {
  rmSync(folder, { recursive: true });
  if (changes.length === 0) return;
  for (const { line, count, text } of changes.sort((a, b) => b.line - a.line)) {
    lines.splice(line, count, ...text.split('\n'));
  }
  writeFileSync(PAGE, lines.join('\n'));
});

/** Holds what stands at a place to what is so, or writes it there. */
function hold({ line, count }: Place, shown: string, so: string): void {
  if (!UPDATE) {
    assert.equal(shown, so, `docs/language.md:${line + 1}: run cargo xtask docs, and look`);
  } else if (shown !== so) {
    changes.push({ line, count, text: so });
  }
}

/** What a command prints, errors included. */
function run(file: string, args: string[], env: NodeJS.ProcessEnv = {}): Promise<string> {
  return new Promise((resolve) => {
    const options = { cwd: ROOT, env: { ...process.env, ...env, NO_COLOR: '1' } };
    // Exit codes tell whether something was found, which the output shows too.
    execFile(file, args, options, (_, stdout, stderr) => {
      resolve(`${stderr}${stdout}`.trimEnd());
    });
  });
}

// Blocks without an output set up the commands behind them.
let setUp = '';
const commands = pieces.flatMap((piece) => {
  if (piece.kind !== 'block' || piece.language !== 'sh') return [];
  if (piece.output) return [{ ...piece, output: piece.output, script: setUp + piece.text }];
  setUp += `${piece.text}\n`;
  return [];
});

void test('commands print what is shown', { concurrency: os.availableParallelism() }, async (t) => {
  assert.ok(commands.length > 20, 'the tutorial has examples');
  const trials = commands.map(({ script, text, output }) =>
    t.test(text, async () => {
      const PATH = `${folder}:${process.env['PATH'] ?? ''}`;
      hold(output, output.text, await run('sh', ['-c', script], { PATH }));
    }),
  );
  await Promise.all(trials);
});

for (const piece of pieces) {
  if (piece.kind === 'block' && piece.language === 'logbraid') {
    void test(`query: ${piece.text}`, () => {
      const drawn = render(piece.text).trimEnd();
      if (piece.output) {
        assert.notEqual(drawn, '', 'nothing is wrong with it');
        hold(piece.output, piece.output.text, drawn);
      } else {
        assert.equal(drawn, '');
      }
    });
  }
  if (piece.kind === 'block' && piece.language === 'js') {
    void test(`code: ${piece.text.split('\n')[0] ?? ''}`, async () => {
      assert.ok(piece.output, 'its output is shown');
      // In the package, so that it can import itself by name.
      const file = path.join(PACKAGE, 'dist', `docs-${piece.line}.mjs`);
      writeFileSync(file, piece.text);
      try {
        hold(piece.output, piece.output.text, await run(process.execPath, [file]));
      } finally {
        rmSync(file);
      }
    });
  }
}

let events: string[] = [];
for (const piece of pieces) {
  if (piece.kind === 'block' && piece.language === 'events') {
    events = piece.text.split('\n');
  } else if (piece.kind === 'row' && piece.head[0] === 'query') {
    const given = events;
    void test(`line ${piece.line + 1}: ${piece.cells[0] ?? ''}`, async () => {
      const query = codeOf(piece.cells[0] ?? '');
      assert.ok(query !== undefined);
      assert.equal(render(query).trimEnd(), '');
      const so = piece.cells.with(1, await answer(query, given));
      hold(piece, writeRow(piece.cells), writeRow(so));
    });
  } else if (piece.kind === 'row' && piece.head[0] === 'code') {
    void test(`diagnostic ${piece.cells[0] ?? ''}`, () => {
      const [code, meaning, example] = piece.cells;
      assert.ok(meaning !== undefined && meaning !== '');
      const query = codeOf(example ?? '');
      // Some take more text than fits here.
      if (query === undefined) return;
      const found = validate(query).diagnostics.map((diagnostic) => `\`${diagnostic.code}\``);
      assert.deepEqual(found, [code]);
    });
  }
}

/** What a query finds among events such as `a: k=1 @0 @4`, shown as `{a0 a4}`. */
async function answer(query: string, sources: string[]): Promise<string> {
  await using engine = new CorrelationEngine();
  for (const source of sources) {
    const [, name = '', text = ''] = /^(\w+): (.*)$/.exec(source) ?? [];
    // eslint-disable-next-line @typescript-eslint/require-await -- a stream
    async function* bytes() {
      yield readEvents(text).map(toLine).join('');
    }
    const options = { bounded: true, format: 'ndjson', time: 'time', message: 'message' };
    engine.addAdapter(name, new IterableAdapter(bytes(), options));
  }
  const found = await engine.run(query);
  return found.length === 0 ? 'none' : found.map(textOf).join(', ');
}

function textOf({ events, metadata, labels }: Correlation): string {
  const names = events.map(
    (event) => `${event.alias ?? event.stream}${writeSeconds(event.timestampNs - BASE)}`,
  );
  const partial = metadata.completeness === 'partial' ? ' partial' : '';
  const said = Object.entries(labels).map((pair) => ` ${pair.join('=')}`);
  return `{${names.join(' ')}}${partial}${said.join('')}`;
}
