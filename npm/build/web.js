// Bundles what browsers load: modules that need no bundler, and that bundlers can take further.
import { rm } from 'node:fs/promises';

import { build } from 'esbuild';

const entries = new URL('../packages/logbraid/dist/esm/web/', import.meta.url);
const folder = new URL('../packages/logbraid/dist/web/', import.meta.url);

await rm(folder, { recursive: true, force: true });
await build({
  entryPoints: ['index', 'slim', 'inline', 'worker', 'http'].map(
    (name) => `${entries.pathname}${name}.js`,
  ),
  outdir: folder.pathname,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'browser',
  target: 'es2022',
  loader: { '.wasm': 'binary' },
  minify: true,
  sourcemap: true,
  logLevel: 'warning',
});
