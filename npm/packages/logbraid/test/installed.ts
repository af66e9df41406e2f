// The package as users get it: packed, then installed by npm into an empty project, outside of the
// workspace, so that nothing is found there which was not installed.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';

const PACKAGE = fileURLToPath(new URL('../../', import.meta.url));

const folder = mkdtempSync(path.join(os.tmpdir(), 'logbraid-installed-'));
after(() => {
  rmSync(folder, { recursive: true });
});

const npm = (cwd: string, ...args: string[]) =>
  execFileSync('npm', args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

const [packed] = JSON.parse(npm(PACKAGE, 'pack', '--json', '--pack-destination', folder)) as {
  filename: string;
  files: { path: string }[];
}[];

/** What is in the package, by path. */
export const packedFiles = packed?.files.map((file) => file.path) ?? [];

const EMPTY = path.join(folder, 'empty');
write(EMPTY, { 'package.json': '{ "private": true, "type": "module" }' });
// The registry is asked for nothing that is in npm's cache.
const install = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline'];
npm(EMPTY, ...install, path.join(folder, packed?.filename ?? ''));

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
