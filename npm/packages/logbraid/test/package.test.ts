import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

// Below the workspace, so that dependencies are found and nothing has to be downloaded.
const root = fileURLToPath(new URL('../../', import.meta.url));
const folder = mkdtempSync(path.join(root, 'dist', 'pack-'));
after(() => {
  rmSync(folder, { recursive: true });
});

/** What a user installs: the packed package, unpacked. */
const installed = path.join(folder, 'node_modules', 'logbraid');
const npm = (...args: string[]) => execFileSync('npm', args, { cwd: root, encoding: 'utf8' });
const [packed] = JSON.parse(npm('pack', '--json', '--pack-destination', folder)) as {
  filename: string;
  files: { path: string }[];
}[];
mkdirSync(installed, { recursive: true });
const tarball = path.join(folder, packed?.filename ?? '');
execFileSync('tar', ['-xzf', tarball, '-C', installed, '--strip-components=1']);

function write(name: string, text: string): string {
  const file = path.join(folder, name);
  writeFileSync(file, text);
  return file;
}

function node(file: string, ...args: string[]): string {
  // A process that something keeps alive runs into the timeout.
  const { status, stdout, stderr } = spawnSync(process.execPath, [file, ...args], {
    encoding: 'utf8',
    timeout: 20_000,
  });
  assert.equal(status, 0, stderr);
  return stdout;
}

const USE = `
const engine = new CorrelationEngine();
engine.addAdapter('a', [{ timestamp: 0, labels: { k: 1 } }]);
engine.addAdapter('b', new FileAdapter(process.argv[2], { format: 'ndjson' }));
engine.source('idle');
engine.run('a({})[1m] and on(k) b({})[1m]').then((found) => {
  console.log(found.length, found[0].joinValue, found[0].events.length);
});
`;

const log = write('b.ndjson', '{"time":"1970-01-01T00:00:01Z","k":"1"}\n');

test('the package holds what it needs and nothing else', () => {
  const paths = packed?.files.map((file) => file.path) ?? [];
  for (const needed of [
    'dist/esm/index.js',
    'dist/cjs/index.js',
    'dist/cjs/package.json',
    'bin/logbraid.js',
  ]) {
    assert.ok(paths.includes(needed), `${needed} is missing`);
  }
  assert.ok(paths.some((file) => file.endsWith('.node')));
  assert.deepEqual(
    paths.filter(
      (file) =>
        /test|tsbuildinfo|\.ts$/.test(file) && !file.endsWith('.d.ts') && !file.endsWith('.d.cts'),
    ),
    [],
  );
});

test('import works, and the process ends by itself', () => {
  const file = write(
    'use.mjs',
    `import { CorrelationEngine } from 'logbraid';\nimport { FileAdapter } from 'logbraid/file';\n${USE}`,
  );
  assert.equal(node(file, log), '1 1 2\n');
});

test('require works, and the process ends by itself', () => {
  const file = write(
    'use.cjs',
    `const { CorrelationEngine } = require('logbraid');\nconst { FileAdapter } = require('logbraid/file');\n${USE}`,
  );
  assert.equal(node(file, log), '1 1 2\n');
});

test('the command runs', () => {
  assert.match(node(path.join(installed, 'bin', 'logbraid.js'), '--version'), /^\d+\.\d+\.\d+\n$/);
});

test('without the addon, the error says what to do', () => {
  const file = write(
    'missing.mjs',
    `import { CorrelationEngine } from './bare/dist/esm/index.js';
     const engine = new CorrelationEngine();
     try { engine.validate('a'); } catch (error) { console.log(error.code, error.message); }`,
  );
  const bare = path.join(folder, 'bare');
  mkdirSync(bare);
  execFileSync('tar', ['-xzf', tarball, '-C', bare, '--strip-components=1', '--exclude=*.node']);
  assert.match(node(file), /^BACKEND_UNAVAILABLE the native addon .* cargo xtask build\n$/);
});

test('types fit for import and require, and the addon is what the engine expects', () => {
  const use = `
    import { CorrelationEngine, QueryError, local, stream } from 'logbraid';
    import type { Correlation, LogEvent } from 'logbraid';
    import { FileAdapter } from 'logbraid/file';
    export async function use(): Promise<Correlation[]> {
      const engine = new CorrelationEngine({ lateTolerance: '5s', maxMemoryMB: 10 });
      const event: LogEvent = { timestamp: 0n, labels: { k: 1 } };
      await engine.source('a').push(event);
      engine.addAdapter('b', [event]).addAdapter('c', new FileAdapter('x', { zone: 'UTC' }));
      engine.on('lateEvent', ({ behindMs }) => behindMs.toFixed());
      for await (const c of engine.correlate('q', { signal: AbortSignal.timeout(1) })) {
        const ns: bigint | undefined = c.events[0]?.timestampNs;
        if (ns === 0n) break;
      }
      // @ts-expect-error -- an option that does not exist
      new CorrelationEngine({ lateTolerence: 1 });
      const built = stream('a', local()).and(stream('b', local()), { on: ['k'] });
      built.select('k', 'a.j');
      // @ts-expect-error -- neither joined on nor copied
      built.select('j');
      // @ts-expect-error -- there is no such stream
      built.select('c.j');
      // @ts-expect-error -- there is no such event
      engine.on('found', () => undefined);
      return new QueryError('').diagnostics.length > 0 ? [] : engine.run('q');
    }`;
  const files = [write('use.mts', use), write('use.cts', use)];
  const addon = path.join(root, 'native', 'index.js');
  const backend = path.join(root, 'dist', 'esm', 'backend.js');
  files.push(
    write(
      'addon.mts',
      `import type * as addon from ${JSON.stringify(addon)};
       import type { Backend } from ${JSON.stringify(backend)};
       declare const native: typeof addon;
       native satisfies Backend;`,
    ),
  );
  const config = {
    compilerOptions: {
      module: 'nodenext',
      target: 'ES2022',
      lib: ['ES2022'],
      types: ['node'],
      strict: true,
      noEmit: true,
      skipLibCheck: false,
    },
    files,
  };
  const project = write('tsconfig.json', JSON.stringify(config));
  const tsc = fileURLToPath(import.meta.resolve('typescript/bin/tsc'));
  node(tsc, '--project', project);
});
