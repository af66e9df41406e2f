// Serves the page to this machine, and prints where: cargo xtask demo --browser
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('dist/page', import.meta.url));

const TYPES = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.log': 'text/plain; charset=utf-8',
  '.ndjson': 'application/x-ndjson',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.wasm': 'application/wasm',
};

/** As the page itself says, and what only a header can say. */
const POLICY =
  "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const server = createServer((request, response) => {
  void answer(request, response);
});

async function answer({ method, url }, response) {
  if (method !== 'GET' && method !== 'HEAD') {
    response.writeHead(405, { allow: 'GET, HEAD' }).end();
    return;
  }
  if (!URL.canParse(url, 'http://page')) {
    response.writeHead(400).end();
    return;
  }
  // A URL is normalized: no part of its path goes up.
  const { pathname } = new URL(url, 'http://page');
  const file = join(ROOT, pathname.endsWith('/') ? `${pathname}index.html` : pathname);
  const found = await stat(file).catch(() => undefined);
  const type = TYPES[extname(file)];
  if (!found?.isFile() || !type) {
    response.writeHead(404, { 'content-type': 'text/plain' }).end('There is no such file.\n');
    return;
  }
  response.writeHead(200, {
    'content-type': type,
    'content-length': found.size,
    'content-security-policy': POLICY,
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-cache',
  });
  if (method === 'HEAD') response.end();
  else createReadStream(file).pipe(response);
}

server.listen(0, '127.0.0.1', () => {
  console.log(`The page is at http://127.0.0.1:${server.address().port}/ until Ctrl-C`);
});
