// The examples of the READMEs, of the repository and of the package, print what their comments say.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));
const READMES = {
  repository: '../../../../../README.md',
  package: '../../README.md',
};

for (const [whose, readme] of Object.entries(READMES)) {
  test(`the example of the README of the ${whose} prints what it says`, () => {
    const page = readFileSync(new URL(readme, import.meta.url), 'utf8');
    const code = /```js\n(.*?)```/s.exec(page)?.[1];
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
}
