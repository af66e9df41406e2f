// docs/electron.md: its files run as they stand there, its limits are those of the package, its command runs.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { build } from 'esbuild';

import { resolveLimits } from '#dist/electron/limits.js';
import { launch } from './browser.js';
import { Program } from './electron-program.js';
import type { ProgramWindow } from './electron-program.js';
import { readFiles, readMarkdown } from './markdown.js';
import type { Block, Row } from './markdown.js';

const ROOT = fileURLToPath(new URL('../../../../../', import.meta.url));
const page = readFileSync(path.join(ROOT, 'docs/electron.md'), 'utf8');
const pieces = readMarkdown(page);
const blocks = (language: string) =>
  pieces.filter((piece): piece is Block => piece.kind === 'block' && piece.language === language);

const LOGS = {
  'edge.ndjson':
    '{"time":"2026-11-20T21:20:09.364Z","request_id":"r1","message":"GET /checkout"}\n',
  'app.ndjson':
    '{"time":"2026-11-20T21:20:09.350Z","request_id":"r1","message":"payment refused"}\n',
};

test('the three parts that it shows are a program', async (context) => {
  // In the package, so that the files can import it by name.
  const folder = mkdtempSync(fileURLToPath(new URL('../electron-', import.meta.url)));
  const browser = await launch();
  const program = new Program(browser);
  const before = process.cwd();
  context.after(async () => {
    process.chdir(before);
    await browser.close();
    for (const one of program.processes) await one.kill();
    rmSync(folder, { recursive: true });
  });
  const files = readFiles(page);
  assert.deepEqual(Object.keys(files), ['engine.js', 'main.js', 'page.js']);
  for (const [name, text] of Object.entries({ ...files, ...LOGS })) {
    writeFileSync(path.join(folder, name), text);
  }
  process.chdir(folder);
  const built = path.join(folder, 'built.js');
  await build({
    entryPoints: [path.join(folder, 'page.js')],
    bundle: true,
    format: 'esm',
    outfile: built,
  });
  const [, policy = ''] = /^ {4}Content-Security-Policy: (.*)$/m.exec(page) ?? [];
  program.protocol.handle('app', ({ url }) => {
    const isScript = url.endsWith('.js');
    const body = isScript
      ? readFileSync(built, 'utf8')
      : '<!doctype html><script type="module" src="page.js"></script>';
    const type = isScript ? 'text/javascript' : 'text/html';
    const headers = { 'content-type': type, 'content-security-policy': policy };
    return Promise.resolve(new Response(body, { headers }));
  });
  const main = (await import(pathToFileURL(path.join(folder, 'main.js')).href)) as {
    openWindow: (electron: Program) => ProgramWindow;
  };
  const window = main.openWindow(program);
  const printed = new Promise((resolve) => {
    window.onConsole = resolve;
  });
  await window.loadURL('app://logs/index.html');
  assert.equal(await printed, 'r1: payment refused, GET /checkout');
});

test('its limits are those that there are', () => {
  const told = pieces
    .filter((piece): piece is Row => piece.kind === 'row' && piece.head[0] === '`limits`')
    .map(({ cells: [name = '', value] }) => [name.replaceAll('`', ''), Number(value)]);
  assert.deepEqual(Object.fromEntries(told), resolveLimits());
});

test('its command measures three places', () => {
  const [{ text } = { text: '' }] = blocks('sh');
  const short = `${text} --events 20000 --rounds 1`;
  const printed = execFileSync('sh', ['-c', short], { cwd: ROOT, encoding: 'utf8' });
  assert.match(
    printed,
    /^the engine is .*\nin main .*\nin a utility process .*\nwasm in a Worker .*\n\d+ corr/,
  );
  assert.deepEqual(blocks('json').length, 1);
  assert.ok(
    Array.isArray(
      (JSON.parse(blocks('json')[0]?.text ?? '') as { asarUnpack: unknown }).asarUnpack,
    ),
  );
});
