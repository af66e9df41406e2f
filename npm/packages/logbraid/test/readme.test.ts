// The example of the README prints what its comments say.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));
const README = new URL('../../../../../README.md', import.meta.url);

test('the example of the README prints what it says', () => {
  const code = /```js\n(.*?)```/s.exec(readFileSync(README, 'utf8'))?.[1];
  assert.ok(code !== undefined, 'the README has an example');
  const expected = [...code.matchAll(/^ *\/\/ (.*)$/gm)].map((match) => match[1]);
  // In the package, so that it can import itself by name.
  const file = path.join(root, 'dist', 'readme-example.mjs');
  writeFileSync(file, code);
  try {
    const printed = execFileSync(process.execPath, [file], { encoding: 'utf8' });
    assert.deepEqual(printed.trimEnd().split('\n'), expected);
  } finally {
    rmSync(file);
  }
});
