// Bundles what browsers load: modules that need no bundler, and that bundlers can take further.
import { rm } from 'node:fs/promises';

import { build } from 'esbuild';

const modules = new URL('../packages/logbraid/dist/esm/', import.meta.url);
const folder = new URL('../packages/logbraid/dist/web/', import.meta.url);

await rm(folder, { recursive: true, force: true });
await build({
  entryPoints: [
    ...['index', 'slim', 'inline', 'compat', 'worker', 'http'].map((name) => `web/${name}`),
    ...['loki', 'graylog', 'prometheus'].map((name) => `adapters/${name}`),
  ].map((name) => ({
    in: `${modules.pathname}${name}.js`,
    out: name.slice(name.indexOf('/') + 1),
  })),
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
