// What the package holds, and that it works in Node, Deno and Bun as docs/browsers.md says.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { ADDON_PACKAGE, installedFiles, project, write } from './installed.js';
import { readFiles } from './markdown.js';

const WORKSPACE = fileURLToPath(new URL('../../../../', import.meta.url));
const PACKAGE = fileURLToPath(new URL('../../', import.meta.url));
const shown = readFiles(
  readFileSync(new URL('../../../../../docs/browsers.md', import.meta.url), 'utf8'),
);

/** What `join.js` finds. */
const FOUND = 'r1: payment refused, GET /checkout\n';

/** Engines with the backends that the arguments name, `-` for none, one after the other. */
const USE = `
const backends = process.argv.slice(2);
const use = async () => {
  const { join } = await import('./join.js');
  for (const backend of backends) {
    const engine = new CorrelationEngine(backend === '-' ? {} : { backend });
    engine.source('idle');
    await join(engine).then(console.log, ({ name, code, message }) => console.log(name, code, message));
  }
};
`;

const isAddon = (file: string) => file.endsWith('.node');

const FILES = {
  'join.js': shown['join.js'] ?? '',
  'import.js': `import { CorrelationEngine } from 'logbraid';${USE}await use();\n`,
  'require.cjs': `const { CorrelationEngine } = require('logbraid');${USE}use();\n`,
  'loaded.cjs': `
    const { CorrelationEngine } = require('logbraid');${USE}
    const isAddon = (file) => file.endsWith('.node');
    use().then(() => console.log(Object.keys(require.cache).filter(isAddon).length));
  `,
  'file.js': `
    import { CorrelationEngine } from 'logbraid';
    import { FileAdapter } from 'logbraid/file';
    const engine = new CorrelationEngine();
    engine.addAdapter('a', new FileAdapter('a.ndjson'));
    engine.addAdapter('b', new FileAdapter('b.ndjson', { format: 'ndjson' }));
    for (const { joinValue } of await engine.run('a({})[1m] and on(k) b({})[1m]')) console.log(joinValue);
  `,
  'a.ndjson': '{"time":"1970-01-01T00:00:00Z","k":"1"}\n{"time":"1970-01-01T00:00:02Z","k":"2"}\n',
  'b.ndjson': '{"time":"1970-01-01T00:00:01Z","k":"1"}\n',
};

const root = project('whole', FILES);

/** Runs a program in a project. A process that something keeps alive runs into the timeout. */
function run(program: string, args: string[], cwd = root) {
  const env = { ...process.env, NO_COLOR: '1', DENO_DIR: path.join(root, 'deno') };
  const { status, stdout, stderr } = spawnSync(program, args, {
    cwd,
    env,
    encoding: 'utf8',
    timeout: 60_000,
  });
  assert.equal(status, 0, `${stdout}${stderr}`);
  return { stdout, stderr };
}

const node = (args: string[], cwd = root) => run(process.execPath, args, cwd);

/** A program that npm has installed: of the platform's package, or where its install script has moved it. */
function runtime(scope: string, file: string, moved: string): string {
  const modules = path.join(WORKSPACE, 'node_modules');
  const platforms = readdirSync(path.join(modules, scope));
  const files = [...platforms.map((platform) => path.join(scope, platform, file)), moved];
  const found = files.map((name) => path.join(modules, name)).find((name) => existsSync(name));
  assert.ok(found !== undefined, `there is none of ${files.join(', ')}: run npm ci`);
  return found;
}

const deno = runtime('@deno', 'deno', 'deno/deno');
const bun = runtime('@oven', 'bin/bun', 'bun/bin/bun.exe');

test('the package holds what it needs and nothing else', () => {
  const files = installedFiles('node_modules/logbraid');
  for (const needed of [
    'LICENSE-APACHE',
    'LICENSE-MIT',
    'README.md',
    'bin/logbraid.js',
    'dist/cjs/compat/index.js',
    'dist/cjs/index.js',
    'dist/cjs/electron/main.js',
    'dist/cjs/package.json',
    'dist/electron/preload.cjs',
    'dist/esm/compat/index.js',
    'dist/esm/index.js',
    'dist/esm/electron/main.js',
    'dist/web/compat.js',
    'dist/web/electron-renderer.js',
    'dist/web/http.js',
    'dist/web/index.js',
    'dist/web/inline.js',
    'dist/web/slim.js',
    'wasm/glue.cjs',
    'wasm/logbraid.wasm',
  ]) {
    assert.ok(files.includes(needed), `${needed} is missing`);
  }
  const expected =
    /^(package\.json|README\.md|LICENSE-(APACHE|MIT)|bin\/logbraid\.js|dist\/(esm|cjs)\/(?!web\/|test\/).*(\.d\.c?ts|\.c?js|\.c?js\.map)|dist\/cjs\/package\.json|dist\/electron\/preload\.cjs|dist\/web\/[\w-]+\.js(\.map)?|wasm\/(glue\.cjs|logbraid\.wasm))$/;
  assert.deepEqual(
    files.filter((file) => !expected.test(file)),
    [],
  );
});

test('the addon is a package of its own, without the symbols of the compiler', () => {
  const files = installedFiles(ADDON_PACKAGE).sort();
  const addon = files.find(isAddon) ?? '';
  assert.deepEqual(
    files,
    ['LICENSE-APACHE', 'LICENSE-MIT', 'README.md', addon, 'package.json'].sort(),
  );
  // What is loaded needs no section of this name; it holds the names of all functions.
  const bytes = readFileSync(path.join(root, ADDON_PACKAGE, addon));
  assert.ok(!bytes.includes('.symtab'), 'the addon is not stripped');
});

test('source maps have the sources that they name', () => {
  const maps = installedFiles('node_modules/logbraid').filter((file) => file.endsWith('.map'));
  assert.ok(maps.length > 100, `${maps.length} maps`);
  for (const file of maps) {
    const text = readFileSync(path.join(root, 'node_modules/logbraid', file), 'utf8');
    const { sources, sourcesContent = [] } = JSON.parse(text) as SourceMap;
    for (const [at, source] of sources.entries()) {
      assert.equal(typeof sourcesContent[at], 'string', `${file} has no ${source}`);
    }
  }
});

interface SourceMap {
  sources: string[];
  sourcesContent?: (string | null)[];
}

for (const file of ['import.js', 'require.cjs']) {
  test(`${file} joins with every backend, and the process ends by itself`, () => {
    const { stdout, stderr } = node([file, '-', 'native', 'wasm']);
    assert.equal(stdout, FOUND.repeat(3));
    assert.equal(stderr, '');
  });
}

test('the addon is loaded by default, and not where WebAssembly is chosen', () => {
  assert.equal(node(['loaded.cjs', '-']).stdout, `${FOUND}1\n`);
  assert.equal(node(['loaded.cjs', 'wasm']).stdout, `${FOUND}0\n`);
});

test('files are joined', () => {
  assert.equal(node(['file.js']).stdout, '1\n');
});

test('the modules for Electron load where it is not, and the preload script is a file of its own', () => {
  write(root, {
    'windows.js': `
      import { createRequire } from 'node:module';
      import { serveWindows } from 'logbraid/electron/main';
      import { connectEngine } from 'logbraid/electron/renderer';
      const require = createRequire(import.meta.url);
      const required = require('logbraid/electron/main');
      console.log([serveWindows, required.serveWindows, connectEngine].map((one) => typeof one).join(' '));
      console.log(require.resolve('logbraid/electron/preload'));`,
  });
  const [types = '', preload = ''] = node(['windows.js']).stdout.split('\n');
  assert.equal(types, 'function function function');
  const loaded = readFileSync(preload, 'utf8').match(/\brequire\(.*?\)/g);
  assert.deepEqual(loaded, ['require("electron")']);
});

test('the command runs', () => {
  const command = path.join('node_modules', 'logbraid', 'bin', 'logbraid.js');
  assert.match(node([command, '--version']).stdout, /^\d+\.\d+\.\d+\n$/);
});

// As with `npm install --omit=optional`, and where there is no package for the platform.
const missing = project('missing', FILES, (file) => !file.endsWith(ADDON_PACKAGE));
const addonFile = installedFiles(ADDON_PACKAGE).find(isAddon) ?? '';
const broken = project('broken', { ...FILES, [`${ADDON_PACKAGE}/${addonFile}`]: 'no addon' });

for (const [what, cwd, why] of [
  ['missing', missing, /Cannot find module '@logbraid\/native-/],
  ['broken', broken, /file too short|invalid ELF header|not a mach-o file|not a valid Win32/],
] as const) {
  for (const file of ['import.js', 'require.cjs']) {
    test(`where the addon is ${what}, WebAssembly takes over with one warning: ${file}`, () => {
      const { stdout, stderr } = node([file, 'wasm', '-', 'wasm', '-', '-'], cwd);
      assert.equal(stdout, FOUND.repeat(5));
      assert.equal(stderr.match(/\[LOGBRAID_WASM\] LogbraidWarning: /g)?.length, 1, stderr);
      assert.match(stderr, /install logbraid again, .* choose backend: 'wasm'/);
      assert.match(stderr, why);
    });

    test(`where the addon is ${what}, backend: 'native' fails and says what to do: ${file}`, () => {
      const { stdout, stderr } = node([file, 'native'], cwd);
      assert.match(stdout, /^BackendUnavailableError BACKEND_UNAVAILABLE the native addon of /);
      assert.match(stdout, /install logbraid again, .* or choose backend: 'wasm'\n$/);
      assert.match(stdout, why);
      assert.equal(stderr, '');
    });
  }

  test(`where the addon is ${what}, files are joined and the command runs`, () => {
    assert.equal(node(['file.js'], cwd).stdout, '1\n');
    const command = path.join('node_modules', 'logbraid', 'bin', 'logbraid.js');
    const files = ['--file', 'a=a.ndjson', '--file', 'b=b.ndjson', '--output', 'count'];
    const { stdout } = node([command, 'run', 'a({})[1m] and on(k) b({})[1m]', ...files], cwd);
    assert.equal(stdout, '1 correlation, 2 events\n');
  });
}

test('where both are missing, the error says what to do', () => {
  const cwd = project('neither', FILES, (file) => !isAddon(file) && !file.endsWith('.wasm'));
  const { stdout } = node(['import.js', '-', 'wasm'], cwd);
  const told =
    /^BackendUnavailableError BACKEND_UNAVAILABLE the wasm module .* install logbraid /gm;
  assert.equal(stdout.match(told)?.length, 2, stdout);
});

test('Deno loads the addon where it may, else WebAssembly with one warning', () => {
  const allowed = run(deno, ['run', '--no-prompt', '--allow-ffi', 'import.js', '-', 'native']);
  assert.equal(allowed.stdout, FOUND.repeat(2));
  assert.equal(allowed.stderr, '');
  const denied = run(deno, ['run', '--no-prompt', '--allow-read', 'import.js', '-', '-', 'wasm']);
  assert.equal(denied.stdout, FOUND.repeat(3));
  assert.equal(denied.stderr.match(/LOGBRAID_WASM/g)?.length, 1, denied.stderr);
  assert.match(denied.stderr, /--allow-ffi/);
});

test('Bun loads the addon where there is one, else WebAssembly with one warning', () => {
  for (const file of ['import.js', 'require.cjs']) {
    const present = run(bun, [file, '-', 'native', 'wasm']);
    assert.equal(present.stdout, FOUND.repeat(3));
    assert.equal(present.stderr, '');
    const absent = run(bun, [file, '-', '-', 'wasm'], missing);
    assert.equal(absent.stdout, FOUND.repeat(3));
    assert.equal(absent.stderr.match(/\[LOGBRAID_WASM\]/g)?.length, 1, absent.stderr);
  }
});

const NODE_TYPES = { lib: ['ES2022'], types: ['node'] };
const BROWSER_TYPES = { lib: ['ES2022', 'DOM'], types: [] };
const NODENEXT = { module: 'nodenext', moduleResolution: 'nodenext' };

/** Has TypeScript check files, with these of its options. */
function checkTypes(cwd: string, options: object, files: string[]): void {
  const compilerOptions = {
    target: 'ES2022',
    typeRoots: [path.join(WORKSPACE, 'node_modules/@types')],
    strict: true,
    noEmit: true,
    skipLibCheck: false,
    ...options,
  };
  write(cwd, { 'tsconfig.json': JSON.stringify({ compilerOptions, files }) });
  node([fileURLToPath(import.meta.resolve('typescript/bin/tsc')), '--project', cwd]);
}

test('types fit for import and require, bundlers and Node, with and without those of browsers', () => {
  const use = `
    import { CorrelationEngine, QueryError, createWorkerEngine, load, local, stream } from 'logbraid';
    import type { Correlation, LogEvent, WasmSource } from 'logbraid';
    import { FileAdapter } from 'logbraid/file';
    import { CorrelationEngine as Compat, StreamJoiner } from 'logbraid/compat';
    import { connectWindows, serveWindows } from 'logbraid/electron/main';
    import type { ConnectOptions, WindowInfo } from 'logbraid/electron/main';
    import { HttpAdapter } from 'logbraid/http';
    import { CorrelationEngine as Inline } from 'logbraid/inline';
    import { CorrelationEngine as Slim } from 'logbraid/slim';
    export async function use(): Promise<Correlation[]> {
      const source: WasmSource = new Uint8Array();
      await load(source);
      await load(new URL('http://localhost/logbraid.wasm'));
      // @ts-expect-error -- nothing that a module is in
      await load(1);
      const engine = new CorrelationEngine({ lateTolerance: '5s', maxMemoryMB: 10, backend: 'wasm' });
      const same: CorrelationEngine[] = [engine, new Slim(), new Inline()];
      await createWorkerEngine({ threads: 1 }).destroy();
      new Compat({ timeWindow: 1000 }).on('correlationFound', ({ joinValue }) => joinValue.trim());
      for await (const { events } of new StreamJoiner({ joinKeys: ['k'] }).join([], [])) events.at(0);
      const event: LogEvent = { timestamp: 0n, labels: { k: 1 } };
      await engine.source('a').push(event);
      engine.addAdapter('b', [event]).addAdapter('c', new FileAdapter('x', { zone: 'UTC' }));
      engine.addAdapter('d', new HttpAdapter({ url: 'http://localhost/', follow: true, time: 'at' }));
      const sources = ({ url }: WindowInfo) => ({ app: new FileAdapter(url) });
      const electron = {} as Pick<ConnectOptions, 'ipcMain' | 'MessageChannelMain'>;
      const windows = serveWindows({ sources, limits: { queries: 4 }, totalMemoryMB: 200 });
      connectWindows({ ...electron, engine: windows, allow: () => ({ maxMemoryMB: 20 }) }).close();
      // @ts-expect-error -- nothing that runs engines
      connectWindows({ ...electron, engine });
      engine.on('lateEvent', ({ behindMs }) => behindMs.toFixed());
      for await (const c of engine.correlate('q', { signal: AbortSignal.timeout(1) })) {
        const ns: bigint | undefined = c.events[0]?.timestampNs;
        if (ns === 0n) break;
      }
      // @ts-expect-error -- an option that does not exist
      new CorrelationEngine({ lateTolerence: 1 });
      // @ts-expect-error -- a backend that does not exist
      new CorrelationEngine({ backend: 'python' });
      const built = stream('a', local()).and(stream('b', local()), { on: ['k'] });
      built.select('k', 'a.j');
      // @ts-expect-error -- neither joined on nor copied
      built.select('j');
      // @ts-expect-error -- there is no such stream
      built.select('c.j');
      // @ts-expect-error -- there is no such event
      engine.on('found', () => undefined);
      return new QueryError('').diagnostics.length > same.length ? [] : engine.run('q');
    }`;
  // What only browsers have types of.
  const page = `
    import { createWorkerEngine, load } from 'logbraid';
    import { connectEngine } from 'logbraid/electron/renderer';
    import 'logbraid/worker';
    await (await connectEngine({ emit: 'eager' })).destroy();
    await load(await WebAssembly.compileStreaming(fetch('logbraid.wasm')));
    const worker = () => new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });
    for await (const { joinValue } of createWorkerEngine({ worker }).correlate('q')) {
      const text: string = joinValue;
      document.body.append(text);
    }`;
  const cwd = project('types', { 'use.mts': use, 'use.cts': use, 'page.mts': page });
  const bundler = { module: 'esnext', moduleResolution: 'bundler' };
  checkTypes(cwd, { ...NODE_TYPES, ...NODENEXT }, ['use.mts', 'use.cts']);
  checkTypes(cwd, { ...NODE_TYPES, ...bundler }, ['use.mts']);
  checkTypes(cwd, { ...BROWSER_TYPES, ...NODENEXT }, ['use.mts', 'use.cts', 'page.mts']);
  checkTypes(cwd, { ...BROWSER_TYPES, ...bundler }, ['use.mts', 'page.mts']);
});

test('the addon is what the engine expects', () => {
  const built = (file: string) => JSON.stringify(path.join(PACKAGE, file));
  const cwd = project('addon', {
    'addon.mts': `
      import type * as addon from ${built('native/index.js')};
      import type { Addon } from ${built('dist/esm/platform/native.js')};
      declare const native: typeof addon;
      native satisfies Addon;`,
  });
  checkTypes(cwd, { ...NODE_TYPES, ...NODENEXT }, ['addon.mts']);
});
