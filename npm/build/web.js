// Bundles what browsers load, modules that need no bundler and that bundlers can take further, and the preload script
// of Electron.
import { rm } from 'node:fs/promises';

import { build } from 'esbuild';

const modules = new URL('../packages/logbraid/dist/esm/', import.meta.url);
const folder = new URL('../packages/logbraid/dist/web/', import.meta.url);

await rm(folder, { recursive: true, force: true });
await build({
  entryPoints: [
    ...['index', 'slim', 'inline', 'compat', 'worker', 'http'].map((name) => `web/${name}`),
    ...['loki', 'graylog', 'prometheus'].map((name) => `adapters/${name}`),
    'electron/renderer',
  ].map((name) => ({
    in: `${modules.pathname}${name}.js`,
    out: name.replace(/^(web|adapters)\//, '').replace('/', '-'),
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

// A preload script in a sandbox can load nothing but Electron: it is one file.
await build({
  entryPoints: [`${modules.pathname}electron/preload.js`],
  outfile: new URL('../packages/logbraid/dist/electron/preload.cjs', import.meta.url).pathname,
  bundle: true,
  format: 'cjs',
  platform: 'node',
  external: ['electron'],
  target: 'es2022',
  logLevel: 'warning',
});
