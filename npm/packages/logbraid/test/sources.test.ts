// What docs/sources.md shows is so: its examples print what stands below them; `cargo xtask docs` writes it anew.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { readMarkdown } from './markdown.js';

const PACKAGE = fileURLToPath(new URL('../../', import.meta.url));
const PAGE = fileURLToPath(new URL('../../../../../docs/sources.md', import.meta.url));
const UPDATE = process.env['LOGBRAID_UPDATE_DOCS'] !== undefined;

const page = readFileSync(PAGE, 'utf8');
const lines = page.split('\n');
const folder = mkdtempSync(path.join(os.tmpdir(), 'logbraid-sources-'));
const command = path.join(folder, 'logbraid');
const bin = path.join(PACKAGE, 'bin/logbraid.js');
writeFileSync(command, `#!/bin/sh\nexec "${process.execPath}" "${bin}" "$@"\n`);
chmodSync(command, 0o755);

/** What replaces so many lines from a line on. */
const changes: { line: number; count: number; text: string }[] = [];
after(() => {
  rmSync(folder, { recursive: true });
  for (const { line, count, text } of changes.reverse()) {
    lines.splice(line, count, ...text.split('\n'));
  }
  if (changes.length > 0) writeFileSync(PAGE, lines.join('\n'));
});

/** What an example prints. Folders that it makes go with the test's. */
function run(language: string, text: string, at: number): string {
  const PATH = `${folder}:${process.env['PATH'] ?? ''}`;
  const env = { ...process.env, PATH, TMPDIR: folder, NO_COLOR: '1' };
  const options = { encoding: 'utf8', env, cwd: folder, timeout: 60_000 } as const;
  if (language === 'sh') return execFileSync('sh', ['-c', text], options).trimEnd();
  // In the package, so that it can import itself by name.
  const file = path.join(PACKAGE, 'dist', `sources-${at}.mjs`);
  writeFileSync(file, text);
  try {
    return execFileSync(process.execPath, [file], options).trimEnd();
  } finally {
    rmSync(file);
  }
}

const examples = readMarkdown(page).flatMap((piece) => (piece.kind === 'block' ? [piece] : []));

test('there are examples', () => {
  assert.deepEqual(
    examples.map(({ language }) => language),
    ['js', 'js', 'sh', 'js'],
  );
});

for (const { language, text, line, output } of examples) {
  test(`docs/sources.md:${line + 1} prints what it says`, () => {
    assert.ok(output, 'its output is shown');
    const printed = run(language, text, line);
    if (!UPDATE) assert.equal(output.text, printed);
    else if (output.text !== printed) changes.push({ ...output, text: printed });
  });
}
