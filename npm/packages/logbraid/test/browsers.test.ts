// What docs/browsers.md says of browsers is so in one: its files are built by each bundler as it tells,
// and run as they are, under the Content-Security-Policy that it shows.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { build } from 'esbuild';
import type { Browser } from 'playwright-core';
import * as vite8 from 'vite';
import * as vite7 from 'vite-7';
import webpack from 'webpack';

import { launch, serve, visit } from './browser.js';
import type { FileServer } from './browser.js';
import { project, write } from './installed.js';
import { readFiles, readMarkdown } from './markdown.js';

const WORKSPACE = fileURLToPath(new URL('../../../../', import.meta.url));
const PAGE = readFileSync(new URL('../../../../../docs/browsers.md', import.meta.url), 'utf8');
const [, POLICY = ''] = /^ {4}Content-Security-Policy: (.*)$/m.exec(PAGE) ?? [];
const headers = { 'content-security-policy': POLICY };

const shown = readFiles(PAGE);
const root = project('site', shown);
// Bundlers are not what is installed here.
symlinkSync(path.join(WORKSPACE, 'node_modules/esbuild'), path.join(root, 'node_modules/esbuild'));

let browser: Browser;
let server: FileServer;
before(async () => {
  browser = await launch();
  server = await serve(root, headers);
});
after(async () => {
  server.close();
  await browser.close();
});

/** What the page says that `main.js` prints. */
const [, FOUND = ''] = /console.log\(.*\); \/\/ (.*)$/m.exec(shown['main.js'] ?? '') ?? [];
const BOTH = [`Worker: ${FOUND}`, `page: ${FOUND}`];

/** What a page and its Workers print, in order of the alphabet. */
async function printed(url: string, count: number): Promise<string[]> {
  return (await visit(browser, url, count)).sort();
}

/** Writes a page that runs a script, and starts Workers. What is a module is said so: `main.js module`. */
function writePage(name: string, script: string, workers: string[] = []): void {
  const [file, type = 'text/javascript'] = script.split(' ');
  const start = workers.map((worker) => {
    const [from, kind = 'classic'] = worker.split(' ');
    return `new Worker('${from}', { type: '${kind}' });\n`;
  });
  const scripts = [`<script type="${type}" src="./${file}"></script>\n`];
  if (workers.length > 0) {
    write(root, { [`${name}.start.js`]: start.join('') });
    scripts.push(`<script src="./${path.basename(name)}.start.js"></script>\n`);
  }
  write(root, { [`${name}.html`]: `<!doctype html>\n${scripts.join('')}` });
}

/** Pages that bundlers are given: what each prints. */
const PAGES: Record<string, string[]> = {
  index: BOTH,
  apart: [`page: ${FOUND}`],
};
writePage('apart', 'apart.js module');

/** Holds the pages of a bundler, which are in the folder with this URL, to what they should print. */
async function holdPages(url = ''): Promise<void> {
  for (const [name, lines] of Object.entries(PAGES)) {
    assert.deepEqual(await printed(new URL(`${name}.html`, url).href, lines.length), lines);
  }
}

/** A development server of any version of Vite. */
type CreateServer = (config: {
  root: string;
  configFile?: false;
  logLevel: 'error';
  optimizeDeps: { force: true };
  server: { port: number; headers: Record<string, string> };
}) => Promise<{
  listen(): Promise<unknown>;
  close(): Promise<void>;
  resolvedUrls: { local: string[] } | null;
}>;

async function develop(createServer: CreateServer, config: { configFile?: false }): Promise<void> {
  const vite = await createServer({
    ...config,
    root,
    logLevel: 'error',
    // What another version has kept is not for this one.
    optimizeDeps: { force: true },
    server: { port: 0, headers },
  });
  try {
    await vite.listen();
    await holdPages(vite.resolvedUrls?.local[0]);
  } finally {
    await vite.close();
  }
}

test('every piece of code that the page shows is a file that can be run', () => {
  const blocks = readMarkdown(PAGE).filter((piece) => piece.kind === 'block');
  assert.equal(Object.keys(shown).length, blocks.length);
  assert.match(FOUND, /^r1: /);
});

test('Vite 8 serves it without configuration', async () => {
  await develop(vite8.createServer, { configFile: false });
});

test('Vite 7 serves it with the configuration that is shown, and without is told what is wrong', async () => {
  await develop(vite7.createServer, {});
  await assert.rejects(
    develop(vite7.createServer, { configFile: false }),
    /BackendUnavailableError: the wasm engine cannot be loaded from .*\.wasm: a page was sent/,
  );
});

for (const [name, vite, options] of [
  ['vite7', vite7, 'rollupOptions'],
  ['vite8', vite8, 'rolldownOptions'],
] as const) {
  test(`${name} builds it without configuration`, async () => {
    await vite.build({
      root,
      configFile: false,
      logLevel: 'error',
      base: './',
      build: {
        outDir: name,
        [options]: { input: Object.keys(PAGES).map((page) => path.join(root, `${page}.html`)) },
      },
    });
    await holdPages(`${server.url}/${name}/`);
  });
}

/** What is known of errors and of loading is so in what a bundler has shortened. */
const EARLY = `
import { CorrelationEngine, load, validate } from 'logbraid';
import { join } from './join.js';
const tell = ({ name, message }) => console.log(name, message);
try {
  validate('a({})');
} catch (error) {
  tell(error);
}
await load(new Uint8Array(8)).catch(tell);
await join(new CorrelationEngine({ backend: 'native' })).catch(tell);
console.log(await join(new CorrelationEngine()));
`;

test('webpack builds it without configuration', async () => {
  write(root, { 'early.js': EARLY });
  const output = path.join(root, 'webpack');
  const stats = await new Promise<webpack.Stats | undefined>((resolve, reject) => {
    const names = ['main', 'apart', 'tools', 'early'];
    const entry = Object.fromEntries(names.map((name) => [name, `./${name}.js`]));
    webpack(
      { mode: 'production', context: root, entry, output: { path: output } },
      (error, built) => {
        if (error) reject(error);
        else resolve(built);
      },
    );
  });
  assert.equal(stats?.toString('errors-only'), '');
  write(root, { 'webpack/index.html': shown['index.html'] ?? '' });
  writePage('webpack/apart', 'apart.js module');
  await holdPages(`${server.url}/webpack/`);

  writePage('webpack/tools', 'tools.js module');
  assert.deepEqual(await printed(`${server.url}/webpack/tools.html`, 1), ['page: true']);

  writePage('webpack/early', 'early.js module');
  const told = await visit(browser, `${server.url}/webpack/early.html`, 4);
  assert.equal(
    told[0],
    'page: BackendUnavailableError the engine is not loaded yet: await load() first',
  );
  assert.match(told[1] ?? '', /^page: BackendUnavailableError the wasm engine cannot be loaded: /);
  assert.match(told[2] ?? '', /^page: BackendUnavailableError there is no native addon outside /);
  assert.equal(told[3], `page: ${FOUND}`);
});

test('esbuild builds logbraid/slim with the module as a file', async () => {
  execFileSync(process.execPath, ['build.js'], { cwd: root });
  writePage('built/index', 'slim.js module', ['slim.js module']);
  assert.deepEqual(await printed(`${server.url}/built/index.html`, 2), BOTH);
  writePage('built/apart', 'slim-apart.js module');
  assert.deepEqual(await printed(`${server.url}/built/apart.html`, 1), [`page: ${FOUND}`]);
});

test('esbuild builds logbraid/slim with the module as bytes', async () => {
  const { warnings } = await build({
    absWorkingDir: root,
    entryPoints: ['slim.js'],
    bundle: true,
    format: 'esm',
    loader: { '.wasm': 'binary' },
    outdir: 'bytes',
  });
  assert.deepEqual(warnings, []);
  writePage('bytes/index', 'slim.js module', ['slim.js module']);
  assert.deepEqual(await printed(`${server.url}/bytes/index.html`, 2), BOTH);
});

test('esbuild builds logbraid/inline as one file, for classic scripts and Workers and for the disk', async () => {
  const [, flags = ''] = /`esbuild (inline\.js .*?)`/.exec(PAGE) ?? [];
  const esbuild = path.join(root, 'node_modules/esbuild/bin/esbuild');
  execFileSync(esbuild, [...flags.split(' '), '--log-level=warning'], { cwd: root });
  writePage('inline', 'bundle.js', ['bundle.js']);
  assert.deepEqual(await printed(`${server.url}/inline.html`, 2), BOTH);
  writePage('disk', 'bundle.js');
  const disk = pathToFileURL(path.join(root, 'disk.html'));
  assert.deepEqual(await printed(disk.href, 1), [`page: ${FOUND}`]);
});

test('it runs without a bundler', async () => {
  writePage('plain', 'plain.js module', ['plain.js module', 'classic.js']);
  const all = [`Worker: ${FOUND}`, ...BOTH];
  assert.deepEqual(await printed(`${server.url}/plain.html`, 3), all);
});

test('logbraid/compat runs, too', async () => {
  const script = `
    import { StreamJoiner } from './node_modules/logbraid/dist/web/compat.js';
    const events = [{ timestamp: 0, labels: { k: 'both' } }];
    for await (const { joinValue } of new StreamJoiner({ joinKeys: ['k'] }).join(events, events)) {
      console.log(joinValue);
    }`;
  write(root, { 'compat.js': script });
  writePage('compat', 'compat.js module');
  assert.deepEqual(await printed(`${server.url}/compat.html`, 1), ['page: both']);
});

test('logbraid/http reads a response in a page, and its errors are those of the package', async () => {
  write(root, {
    'app.ndjson': '{"time":"2026-01-01T00:00:00Z","k":"1"}\n',
    'response.js': `
      import { CorrelationEngine, OptionError, load } from './node_modules/logbraid/dist/web/index.js';
      import { HttpAdapter } from './node_modules/logbraid/dist/web/http.js';
      await load();
      const engine = new CorrelationEngine();
      const url = new URL('app.ndjson', location.href);
      for (const name of ['a', 'b']) engine.addAdapter(name, new HttpAdapter({ url }));
      for (const { joinValue } of await engine.run('a({})[1m] and on(k) b({})[1m]')) console.log('found', joinValue);
      try {
        new HttpAdapter({ url: '/relative' });
      } catch (error) {
        console.log('refused', error instanceof OptionError);
      }
    `,
  });
  writePage('response', 'response.js module');
  const told = ['page: found 1', 'page: refused true'];
  assert.deepEqual(await printed(`${server.url}/response.html`, 2), told);
});

test('the module need not be served as what it is', async () => {
  writePage('plain', 'plain.js module');
  const plain = await serve(root, headers, { '.wasm': 'application/octet-stream' });
  try {
    assert.deepEqual(await printed(`${plain.url}/plain.html`, 1), [`page: ${FOUND}`]);
  } finally {
    plain.close();
  }
});

test("without 'wasm-unsafe-eval' it says so", async () => {
  writePage('plain', 'plain.js module');
  const policy = POLICY.replace(" 'wasm-unsafe-eval'", '');
  assert.notEqual(policy, POLICY);
  const strict = await serve(root, { 'content-security-policy': policy });
  try {
    await assert.rejects(
      printed(`${strict.url}/plain.html`, 1),
      /BackendUnavailableError: the wasm engine cannot be loaded .*'?unsafe-eval'?/,
    );
  } finally {
    strict.close();
  }
});
