// The packages as users get them: packed, then installed by npm into an empty project, outside of the
// workspace, so that nothing is found there which was not installed.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';

import { platformName } from '#dist/platform/platform-name.js';

const PACK = fileURLToPath(new URL('../../../../build/pack.js', import.meta.url));

const folder = mkdtempSync(path.join(os.tmpdir(), 'logbraid-installed-'));
after(() => {
  rmSync(folder, { recursive: true });
});

const execute = (cwd: string, program: string, ...args: string[]) =>
  execFileSync(program, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

execute(folder, process.execPath, PACK, folder);

const EMPTY = path.join(folder, 'empty');
write(EMPTY, { 'package.json': '{ "private": true, "type": "module" }' });
// The registry is asked for nothing that is in npm's cache. The editor is a package for those who have CodeMirror.
const tarballs = readdirSync(folder).filter((file) => /^logbraid-(\d|native-).*\.tgz$/.test(file));
const install = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline'];
execute(EMPTY, 'npm', ...install, ...tarballs.map((file) => path.join(folder, file)));

/** Where the package of this platform is installed, from the root of a project. */
export const ADDON_PACKAGE = `node_modules/@logbraid/native-${platformName()}`;

/** What is in an installed package, by path. */
export function installedFiles(name: string): string[] {
  const entries = readdirSync(path.join(EMPTY, name), { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(path.join(EMPTY, name), path.join(entry.parentPath, entry.name)))
    .map((file) => file.replaceAll(path.sep, '/'));
}

/** A project that has installed the package, or that `part` of it, and these files. Returns its folder. */
export function project(
  name: string,
  files: Record<string, string>,
  part: (file: string) => boolean = () => true,
): string {
  const root = path.join(folder, name);
  cpSync(EMPTY, root, { recursive: true, verbatimSymlinks: true, filter: part });
  write(root, files);
  return root;
}

/** Writes files into a folder, by path. */
export function write(root: string, files: Record<string, string>): void {
  for (const [name, text] of Object.entries(files)) {
    const file = path.join(root, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
}
