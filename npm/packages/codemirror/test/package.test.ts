import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

test('the package holds what it needs and nothing else', () => {
  const cwd = fileURLToPath(new URL('../../', import.meta.url));
  const packed = execFileSync('npm', ['pack', '--dry-run', '--json'], { cwd, encoding: 'utf8' });
  const [{ files }] = JSON.parse(packed) as [{ files: { path: string }[] }];
  const paths = files.map((file) => file.path);
  for (const needed of ['README.md', 'dist/esm/index.js', 'dist/esm/index.d.ts']) {
    assert.ok(paths.includes(needed), `${needed} is missing`);
  }
  const expected = /^(README\.md|package\.json|dist\/esm\/\w+\.(js|js\.map|d\.ts))$/;
  assert.deepEqual(
    paths.filter((file) => !expected.test(file)),
    [],
  );
});
