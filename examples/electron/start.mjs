// Starts the program, where there is an Electron: the package beside it, or one on the PATH.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const folder = import.meta.dirname;

/** The program of the package `electron`, or one on the PATH. */
function findElectron() {
  try {
    return createRequire(import.meta.url)('electron');
  } catch {
    const name = process.platform === 'win32' ? 'electron.exe' : 'electron';
    const folders = (process.env.PATH ?? '').split(path.delimiter);
    return folders.map((one) => path.join(one, name)).find((file) => existsSync(file));
  }
}

const electron = findElectron();
if (electron === undefined) {
  console.log(
    'Skipped: there is no Electron. Install one for yourself, which downloads it (npm install --global electron), ' +
      'and start this again.',
  );
} else if (!existsSync(path.join(folder, 'dist/page.js'))) {
  console.error('The page is not built: run cargo xtask build');
  process.exitCode = 1;
} else {
  const child = spawn(electron, [folder], { stdio: 'inherit' });
  child.on('exit', (code) => (process.exitCode = code ?? 1));
}
