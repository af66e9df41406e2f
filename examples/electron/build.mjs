// Builds the page into dist/: static files, of which app:// shows the window.
import { cp, mkdir, rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

import { build } from 'esbuild';

const path = (relative) => fileURLToPath(new URL(relative, import.meta.url));

await rm(path('dist'), { recursive: true, force: true });
await mkdir(path('dist'));
await build({
  entryPoints: [path('src/page/page.mjs')],
  outfile: path('dist/page.js'),
  bundle: true,
  format: 'esm',
  target: 'es2022',
  minify: true,
  legalComments: 'linked',
  logLevel: 'warning',
});
for (const file of ['index.html', 'page.css']) {
  await cp(path(`src/page/${file}`), path(`dist/${file}`));
}
