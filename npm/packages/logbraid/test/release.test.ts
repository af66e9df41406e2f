// What is published: a package for each platform, of which npm installs the one that fits and logbraid loads the same,
// and a workflow that makes all of them.
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { parseTriple } from '@napi-rs/cli';
import { parse } from 'yaml';

import { platformName } from '#dist/platform/platform-name.js';

const REPOSITORY = fileURLToPath(new URL('../../../../../', import.meta.url));
const PACK = path.join(REPOSITORY, 'npm/build/pack.js');
const LOGBRAID = fileURLToPath(new URL('../../', import.meta.url));

interface Manifest {
  name: string;
  version: string;
  main: string;
  os?: string[];
  cpu?: string[];
  libc?: string[];
  optionalDependencies?: Record<string, string>;
  napi: { targets: string[] };
}

const manifest = readManifest(readFileSync(path.join(LOGBRAID, 'package.json'), 'utf8'));
const platforms = manifest.napi.targets.map((triple) => parseTriple(triple).platformArchABI);

const folder = mkdtempSync(path.join(os.tmpdir(), 'logbraid-release-'));
after(() => {
  rmSync(folder, { recursive: true });
});

function readManifest(text: string): Manifest {
  return JSON.parse(text) as Manifest;
}

/** The output of a program; where it fails, what it has told. */
function execute(program: string, args: string[], env: NodeJS.ProcessEnv = {}): string {
  const options = { encoding: 'utf8', stdio: 'pipe', env: { ...process.env, ...env } } as const;
  return execFileSync(program, args, options);
}

/** A folder with a file for each addon, as the workflow collects them. What is in them is nothing to npm. */
function addons(name: string, of: string[]): string {
  const built = path.join(folder, name);
  mkdirSync(built);
  for (const platform of of) {
    writeFileSync(path.join(built, `logbraid.${platform}.node`), platform);
  }
  return built;
}

/** The packages that are packed in a folder: the manifest of each and its file. */
function packed(output: string): { file: string; manifest: Manifest }[] {
  return readdirSync(output).map((name) => {
    const file = path.join(output, name);
    const text = execute('tar', [
      '--extract',
      '--to-stdout',
      '--gzip',
      '--file',
      file,
      'package/package.json',
    ]);
    return { file, manifest: readManifest(text) };
  });
}

const everything = path.join(folder, 'packages');
execute(process.execPath, [PACK, everything, addons('addons', platforms)]);
const packages = packed(everything);
const logbraid = packages.find(({ manifest: { name } }) => name === 'logbraid')?.manifest;

test('logbraid names a package of its own version for each platform, and all are packed', () => {
  assert.equal(platforms.length, 8);
  const expected = platforms.map((platform) => [`@logbraid/native-${platform}`, manifest.version]);
  assert.deepEqual(Object.entries(logbraid?.optionalDependencies ?? {}), expected);
  const names = [...platforms.map((platform) => `@logbraid/native-${platform}`)];
  names.push('logbraid', 'logbraid-codemirror');
  assert.deepEqual(packages.map((one) => one.manifest.name).sort(), names.sort());
  for (const one of packages) assert.equal(one.manifest.version, manifest.version, one.file);
});

test('nothing is packed where the addon of a platform is missing', () => {
  const output = path.join(folder, 'incomplete');
  const [, ...others] = platforms;
  const run = () => execute(process.execPath, [PACK, output, addons('others', others)]);
  assert.throws(run, /ENOENT.*logbraid\.linux-x64-gnu\.node/s);
  assert.deepEqual(readdirSync(output), []);
});

test('a clone packs what it has, and logbraid names no more', () => {
  const output = path.join(folder, 'clone');
  execute(process.execPath, [PACK, output]);
  const names = packed(output).map((one) => one.manifest.name);
  const here = `@logbraid/native-${platformName()}`;
  assert.deepEqual(names.sort(), [here, 'logbraid', 'logbraid-codemirror']);
  const own = packed(output).find((one) => one.manifest.name === 'logbraid');
  assert.deepEqual(own?.manifest.optionalDependencies, { [here]: manifest.version });
});

/** A registry with these packages. Returns its address. */
async function registry(published: typeof packages): Promise<URL> {
  const server = createServer((request, response) => {
    const name = decodeURIComponent(request.url ?? '').slice(1);
    const found = published.find((one) => one.manifest.name === name || one.file.endsWith(name));
    if (!found) return response.writeHead(404).end('{}');
    const bytes = readFileSync(found.file);
    if (name.endsWith('.tgz')) return response.end(bytes);
    const { version } = found.manifest;
    const dist = {
      tarball: new URL(path.basename(found.file), address).href,
      integrity: `sha512-${createHash('sha512').update(bytes).digest('base64')}`,
    };
    const versions = { [version]: { ...found.manifest, dist } };
    return response.end(JSON.stringify({ name, 'dist-tags': { latest: version }, versions }));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  after(() => server.close());
  const address = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  return address;
}

/** What npm installs of the packages that logbraid names, on a machine of that kind. */
async function installedOn(platform: string, published: typeof packages): Promise<string[]> {
  const project = path.join(folder, 'projects', platform);
  mkdirSync(project, { recursive: true });
  const { optionalDependencies } = logbraid ?? {};
  writeFileSync(path.join(project, 'package.json'), JSON.stringify({ optionalDependencies }));
  const [system = '', cpu = '', abi] = platform.split('-');
  const machine = [`--os=${system}`, `--cpu=${cpu}`];
  if (system === 'linux') machine.push(`--libc=${abi === 'musl' ? 'musl' : 'glibc'}`);
  const args = ['install', '--ignore-scripts', '--no-audit', '--no-fund', ...machine];
  const { href } = await registry(published);
  const cache = path.join(project, 'cache');
  await promisify(execFile)('npm', [...args, '--registry', href, '--cache', cache], {
    cwd: project,
  });
  const scope = path.join(project, 'node_modules/@logbraid');
  return readdirSync(scope).map((name) => `@logbraid/${name}`);
}

for (const platform of platforms) {
  test(`npm installs the addon of ${platform} there, and no other`, async () => {
    assert.deepEqual(await installedOn(platform, packages), [`@logbraid/native-${platform}`]);
  });
}

test('npm installs what there is where a package of another platform is not', async () => {
  const one = packages.filter(({ manifest: { name } }) => name.endsWith('linux-x64-gnu'));
  const [first = ''] = platforms;
  assert.deepEqual(await installedOn(first, one), [`@logbraid/native-${first}`]);
});

test('logbraid looks for the package that npm installs', () => {
  const file = JSON.stringify(new URL('../esm/platform/platform-name.js', import.meta.url).href);
  for (const platform of platforms.filter((name) => !name.endsWith('musl'))) {
    const [system, cpu] = platform.split('-');
    const program = `
      Object.defineProperties(process, { platform: { value: '${system}' }, arch: { value: '${cpu}' } });
      console.log((await import(${file})).platformName());`;
    const printed = execute(process.execPath, ['--input-type=module', '--eval', program]);
    assert.equal(printed, `${platform}\n`);
  }
});

test('a newcomer has a first correlation, without Rust and without scripts', () => {
  const script = path.join(REPOSITORY, 'examples/first-correlation.sh');
  const printed = execute('bash', [script]);
  assert.match(printed, /^Rust: none\n/);
  const end = /\nr1: payment refused, GET \/checkout\n(\d+) s from an empty project\n$/.exec(
    printed,
  );
  assert.ok(end, printed);
  // A minute is what newcomers are promised, many times over what it takes.
  assert.ok(Number(end[1]) < 60, printed);
});

interface Job {
  permissions?: Record<string, string>;
  container?: string;
  needs?: string | string[];
  strategy?: { matrix: { include: { platform: string; target?: string }[] } };
  steps: { uses?: string; run?: string }[];
}

interface Workflow<Name extends string> {
  on: unknown;
  permissions: unknown;
  env?: Record<string, string>;
  jobs: Record<Name, Job>;
}

/** A file of the repository. */
function read(file: string): string {
  return readFileSync(path.join(REPOSITORY, file), 'utf8');
}

test('the workflow builds, tests and publishes every platform', () => {
  const { on, permissions, jobs } = parse(read('.github/workflows/release.yml')) as Workflow<
    'version' | 'ci' | 'addon' | 'pack' | 'test' | 'publish'
  >;
  assert.deepEqual(on, { push: { tags: ['v*'] } });
  const built = jobs.addon.strategy?.matrix.include.map(({ platform, target }) => [
    platform,
    target,
  ]);
  assert.deepEqual(
    built,
    platforms.map((platform, at) => [platform, manifest.napi.targets[at]]),
  );
  const tested = jobs.test.strategy?.matrix.include.map(({ platform }) => platform);
  assert.deepEqual(tested, platforms);

  // What is wrong with a tag is told before anything is built.
  assert.deepEqual(
    [jobs.version.needs, jobs.ci.needs, jobs.addon.needs],
    [undefined, 'version', 'version'],
  );
  assert.equal(jobs.version.steps.at(-1)?.run, 'cargo xtask version --tag "$GITHUB_REF_NAME"');

  // Only what was tested is published, and only its job may speak for the project.
  assert.deepEqual(permissions, { contents: 'read' });
  assert.deepEqual([jobs.pack.needs, jobs.test.needs], ['addon', 'pack']);
  assert.deepEqual(jobs.publish.needs, ['ci', 'test']);
  assert.deepEqual(jobs.publish.permissions, { contents: 'read', 'id-token': 'write' });
  const commands = jobs.publish.steps.map(({ run = '' }) => run).join('');
  assert.match(commands, /npm publish "\$package" --provenance --access public/);
  for (const { uses } of Object.values(jobs).flatMap(({ steps = [] }) => steps)) {
    if (uses !== undefined) assert.match(uses, /^[\w-]+\/[\w-]+@v\d+$/);
  }
});

test('the workflows have one compiler, which is the oldest that the crates allow', () => {
  const { env } = parse(read('.github/workflows/release.yml')) as Workflow<string>;
  const { jobs } = parse(read('.github/workflows/ci.yml')) as Workflow<string>;
  const rust = env?.['RUSTUP_TOOLCHAIN'] ?? '';
  const [, oldest] = /^rust-version = "(.+)"$/m.exec(read('Cargo.toml')) ?? [];
  assert.match(rust, /^\d+\.\d+\.\d+$/);
  assert.equal(rust.replace(/\.\d+$/, ''), oldest);
  for (const { container } of Object.values(jobs)) assert.equal(container, `rust:${rust}-bookworm`);
});
