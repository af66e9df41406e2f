// What serves the page serves its files, and nothing else.
import assert from 'node:assert/strict';
import { request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { test } from 'node:test';

import { Pages } from './page.js';

const pages = new Pages();

/** Asks for a path as it is written; `fetch` would make it proper before. */
function ask(path: string, method = 'GET'): Promise<IncomingMessage> {
  const { hostname, port } = new URL(pages.address);
  return new Promise((resolve, reject) => {
    request({ hostname, port, path, method }, (response) => {
      response.resume();
      resolve(response);
    })
      .on('error', reject)
      .end();
  });
}

test('files of the page come with their type and the policy', async () => {
  for (const [path, type] of [
    ['/', 'text/html; charset=utf-8'],
    ['/main.js', 'text/javascript; charset=utf-8'],
    ['/logbraid.wasm', 'application/wasm'],
    ['/shop/app.ndjson', 'application/x-ndjson'],
  ] as const) {
    const { statusCode, headers } = await ask(path);
    assert.equal(statusCode, 200);
    assert.equal(headers['content-type'], type);
    assert.match(
      String(headers['content-security-policy']),
      /^default-src 'self'; script-src 'self' /,
    );
    assert.equal(headers['x-content-type-options'], 'nosniff');
  }
});

test('nothing else comes, whatever is asked', async () => {
  for (const path of [
    '/none',
    '/shop',
    '/../../package.json',
    '/..%2f..%2fpackage.json',
    '/%2e%2e/%2e%2e/serve.mjs',
    '/..\\..\\package.json',
    '/%00',
  ]) {
    assert.equal((await ask(path)).statusCode, 404, path);
  }
  assert.equal((await ask('//')).statusCode, 400);
  assert.equal((await ask('/', 'POST')).statusCode, 405);
  assert.equal((await ask('/', 'HEAD')).statusCode, 200);
});
