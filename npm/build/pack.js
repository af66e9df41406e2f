// Packs what is published: the packages of packages/, and for each platform one with its addon.
//
//     node npm/build/pack.js OUTPUT [ADDONS]
//
// ADDONS is a folder with the addon of every platform, named as `napi build --platform` does. Without it the addon of
// this clone is packed, and `logbraid` lists no other platform: what it lists has to be there.
import { execFileSync } from 'node:child_process';
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { NapiCli, parseTriple } from '@napi-rs/cli';

import { platformName } from '../packages/logbraid/dist/esm/platform/platform-name.js';

const packages = fileURLToPath(new URL('../packages', import.meta.url));
const root = fileURLToPath(new URL('../..', import.meta.url));
const LICENSES = ['LICENSE-MIT', 'LICENSE-APACHE'];
/** What `files` of no package.json takes, and is large. */
const LEFT = new Set(['node_modules', 'native', 'src', 'test']);

const [output, addons] = process.argv.slice(2);
if (output === undefined) throw new Error('usage: node npm/build/pack.js OUTPUT [ADDONS]');
mkdirSync(output, { recursive: true });
const stage = mkdtempSync(path.join(os.tmpdir(), 'logbraid-pack-'));
try {
  for (const folder of await folders()) {
    for (const license of LICENSES) copyFileSync(path.join(root, license), `${folder}/${license}`);
    const args = ['pack', '--silent', '--pack-destination', path.resolve(output)];
    // npm is a script that only a shell finds on Windows.
    const shell = process.platform === 'win32';
    execFileSync('npm', args, { cwd: folder, shell, stdio: ['ignore', 'inherit', 'inherit'] });
  }
} finally {
  rmSync(stage, { recursive: true });
}

/** The folders to pack, in the order in which to publish: what a package depends on before it. */
async function folders() {
  for (const name of readdirSync(packages)) {
    const filter = (file) => !LEFT.has(path.relative(path.join(packages, name), file));
    cpSync(path.join(packages, name), path.join(stage, name), { recursive: true, filter });
  }
  const logbraid = path.join(stage, 'logbraid');
  const platforms = await platformFolders(logbraid);
  edit(logbraid, (manifest) => {
    const names = platforms.map((folder) => readManifest(folder).name);
    manifest.optionalDependencies = Object.fromEntries(
      names.map((name) => [name, manifest.version]),
    );
  });
  return [...platforms, logbraid, path.join(stage, 'codemirror')];
}

/** Makes the packages of the platforms, with the version of `logbraid` and what else they share. */
async function platformFolders(logbraid) {
  const { napi } = readManifest(logbraid);
  if (addons === undefined) {
    const here = platformName();
    napi.targets = napi.targets.filter((triple) => parseTriple(triple).platformArchABI === here);
    if (napi.targets.length === 0) throw new Error(`no package is made for ${here}`);
    edit(logbraid, (manifest) => Object.assign(manifest, { napi }));
  }
  const npmDir = 'platforms';
  await new NapiCli().createNpmDirs({ cwd: logbraid, npmDir });
  return napi.targets.map((triple) => {
    const folder = path.join(logbraid, npmDir, parseTriple(triple).platformArchABI);
    const { main } = readManifest(folder);
    const built = path.join(packages, 'logbraid/native/logbraid.node');
    copyFileSync(addons === undefined ? built : path.join(addons, main), path.join(folder, main));
    edit(folder, (manifest) => manifest.files.push('LICENSE-*'));
    return folder;
  });
}

function readManifest(folder) {
  return JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'));
}

function edit(folder, change) {
  const manifest = readManifest(folder);
  change(manifest);
  writeFileSync(path.join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
}
