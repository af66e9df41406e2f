// The Chromium of the machine, for tests and benches; nothing is downloaded.
import { accessSync, constants } from 'node:fs';
import path from 'node:path';

import { chromium } from 'playwright-core';

const NAMES = ['chromium-headless-shell', 'chromium', 'chromium-browser', 'google-chrome'];

/** Starts it, with these arguments more. Throws where there is none, and says how to get it. */
export function launch(args = []) {
  const folders = (process.env['PATH'] ?? '').split(path.delimiter);
  const files = NAMES.flatMap((name) => folders.map((folder) => path.join(folder, name)));
  const executablePath = files.find(isProgram);
  if (executablePath === undefined) {
    throw new Error(
      `none of ${NAMES.join(', ')} is on the PATH; on Debian, run: ` +
        `sudo apt-get install --yes --no-install-recommends ${NAMES[0]}`,
    );
  }
  return chromium.launch({ executablePath, args: ['--no-sandbox', ...args] });
}

function isProgram(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
