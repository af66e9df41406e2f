// docs/performance.md: its examples print what they say, its commands run, its names exist. No figure is held to
// anything: `cargo xtask figures` measures them.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { CorrelationEngine, presets } from 'logbraid';
import { codeOf, readMarkdown } from './markdown.js';
import type { Block, Row } from './markdown.js';

const ROOT = fileURLToPath(new URL('../../../../../', import.meta.url));
const BIN = fileURLToPath(new URL('../../bin/logbraid.js', import.meta.url));
const page = readFileSync(path.join(ROOT, 'docs/performance.md'), 'utf8');
const pieces = readMarkdown(page);
const blocks = (language: string) =>
  pieces.filter((piece): piece is Block => piece.kind === 'block' && piece.language === language);
const rows = pieces.filter((piece): piece is Row => piece.kind === 'row');

// In the package, so that examples can import it by name.
const folder = mkdtempSync(fileURLToPath(new URL('../performance-', import.meta.url)));
after(() => {
  rmSync(folder, { recursive: true });
});

test('its examples print what they say', () => {
  assert.ok(blocks('js').length > 1);
  for (const { text } of blocks('js')) {
    const expected = [...text.matchAll(/^ *\/\/ (.*)$/gm)].map(([, line]) => line);
    const file = path.join(folder, 'example.mjs');
    writeFileSync(file, text);
    const printed = execFileSync(process.execPath, [file], { encoding: 'utf8' });
    assert.deepEqual(printed.trimEnd().split('\n'), expected);
  }
});

test('its commands run, and each has an output', () => {
  const commands = blocks('sh');
  assert.ok(commands.length > 4);
  const shorter = [
    [/logbraid load .*/, '$& --warmup 0 --duration 300ms --rounds 1'],
    [/event-loop\.mjs/, '$& --rate 2000 --seconds 0.3'],
    [/options\.mjs/, '$& --rounds 0 --seconds 2'],
  ] as const;
  for (const { text, output } of commands) {
    assert.ok(output && output.text.trim() !== '', `${text} has no output`);
    const short = shorter.reduce((sum, [what, to]) => sum.replace(what, to), text);
    const script = `logbraid() { "${process.execPath}" "${BIN}" "$@"; }\n${short}`;
    const printed = execFileSync('sh', ['-c', script], { cwd: ROOT, encoding: 'utf8' });
    // The same rows, whatever the figures.
    const heads = (lines: string) => lines.trimEnd().split('\n').length;
    if (text.includes('options.mjs')) assert.equal(heads(printed), heads(output.text), printed);
    assert.notEqual(printed.trim(), '');
  }
});

test('its alerts name what is exposed', () => {
  const exposed = new CorrelationEngine().metrics({ format: 'prometheus' });
  const families = [...exposed.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name);
  const named = new Set(page.match(/\blogbraid_\w+/g));
  assert.ok(named.size > 10);
  for (const name of named) assert.ok(families.includes(name.replace(/_bucket$/, '')), name);
});

test('its presets are those there are', () => {
  const told = rows.filter(({ head }) => head[0] === 'preset');
  const options = told.map(({ cells: [name = '', given = ''] }) => [
    codeOf(name),
    Object.fromEntries(
      given.split(', ').map((option) => {
        const [, key = '', value = ''] = /^`(\w+): (.*)`$/.exec(option) ?? [];
        return [key, JSON.parse(value.replaceAll("'", '"')) as unknown];
      }),
    ),
  ]);
  assert.deepEqual(Object.fromEntries(options), presets);
});
