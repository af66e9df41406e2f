// Builds the page into dist/: static files that need nothing else.
import { cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

import { build } from 'esbuild';

import { LOGS, questions } from '../shop/questions.mjs';

const path = (relative) => fileURLToPath(new URL(relative, import.meta.url));
const { resolve } = createRequire(import.meta.url);

await rm(path('dist/page'), { recursive: true, force: true });
await mkdir(path('dist/page/shop'), { recursive: true });
await build({
  entryPoints: {
    main: path('src/main.ts'),
    page: path('src/style/page.css'),
    'engine-worker': resolve('logbraid/worker'),
    'inspector-worker': path('src/inspector-worker.ts'),
  },
  outdir: path('dist/page'),
  bundle: true,
  splitting: true,
  format: 'esm',
  target: 'es2022',
  minify: true,
  legalComments: 'linked',
  logLevel: 'warning',
});
for (const file of ['index.html', 'icon.svg']) {
  await cp(path(`src/${file}`), path(`dist/page/${file}`));
}
await cp(resolve('logbraid/logbraid.wasm'), path('dist/page/logbraid.wasm'));
for (const file of Object.values(LOGS)) {
  await cp(path(`../shop/${file}`), path(`dist/page/shop/${file}`));
}
await writeFile(
  path('dist/page/shop/shop.json'),
  JSON.stringify({ logs: LOGS, questions: questions() }),
);
