// examples/electron is a whole program. Without Electron, it says so; with what a page of Chromium and threads of Node
// can be of it, it shows what it finds, and goes on after its renderer or the process of its engines has ended.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { launch } from './browser.js';
import { Program } from './electron-program.js';
import type { ProgramWindow } from './electron-program.js';

const EXAMPLE = new URL('../../../../../examples/electron/', import.meta.url);
const inExample = (name: string) => new URL(name, EXAMPLE).href;

/** Runs the query that a window shows; gives what it says of it in the end. */
async function state(window: ProgramWindow): Promise<string> {
  const page = await window.page;
  await page.click('#run');
  await page.waitForFunction(() => {
    const { value } = document.getElementById('state') as HTMLOutputElement;
    // While it is found, it is counted.
    return value !== '' && (value === '1455 correlations' || !value.endsWith(' correlations'));
  });
  return page.evaluate(() => (document.getElementById('state') as HTMLOutputElement).value);
}

test('where there is no Electron, the example says so and is content', () => {
  const start = fileURLToPath(inExample('start.mjs'));
  const { status, stdout, stderr } = spawnSync(process.execPath, [start], {
    encoding: 'utf8',
    env: { ...process.env, PATH: '' },
  });
  assert.deepEqual([status, stderr], [0, '']);
  assert.match(stdout, /^Skipped: there is no Electron\. .*npm install/);
});

test('a renderer that has run out of memory goes on with less, until there is no less', async () => {
  const { FIRST, limitsAfter } = (await import(inExample('src/memory.mjs'))) as {
    FIRST: object;
    limitsAfter: (reason: string, limits?: object) => object | undefined;
  };
  assert.equal(limitsAfter('clean-exit', FIRST), undefined);
  const seen: unknown[] = [];
  for (let next: object | undefined = FIRST; next; next = limitsAfter('oom', next)) seen.push(next);
  assert.deepEqual(seen, [
    { maxMemoryMB: 50, kept: 20_000, restarts: 5 },
    { maxMemoryMB: 25, kept: 10_000, restarts: 5 },
    { maxMemoryMB: 12.5, kept: 5_000, restarts: 5 },
    { maxMemoryMB: 6.25, kept: 2_500, restarts: 5 },
  ]);
});

test('the example finds what the shop’s README says, and goes on after what may end', async (context) => {
  const browser = await launch(['--enable-blink-features=MessagePortCloseEvent']);
  const program = new Program(browser);
  context.after(async () => {
    await browser.close();
    for (const one of program.processes) {
      one.removeAllListeners('exit');
      await one.kill();
    }
  });
  const { start } = (await import(inExample('src/program.mjs'))) as {
    start: (electron: Program) => void;
  };
  start(program);
  await new Promise(setImmediate);
  const [window] = program.windows;
  assert.ok(window);
  assert.equal(await state(window), '1455 correlations');
  const allowed = () => {
    const { window } = program.processes.at(-1)?.posted.at(-1) as {
      window: { maxMemoryMB: number };
    };
    return window.maxMemoryMB;
  };
  assert.equal(allowed(), 50);

  await window.crash('oom');
  assert.match((await window.page).url(), /kept=10000$/);
  assert.equal(await state(window), '1455 correlations');
  assert.equal(allowed(), 25);

  const [first] = program.processes;
  await first?.kill();
  assert.equal(program.processes.length, 2);
  const told = await state(window);
  assert.match(told, /^1455 correlations$|process of the engine has ended/);
  assert.equal(await state(window), '1455 correlations');
  assert.equal(allowed(), 25);

  // For another reason than memory it goes on as it was, but not without end.
  for (let crashes = 1; crashes <= 5; crashes += 1) {
    await window.crash('crashed');
    assert.equal(window.isDestroyed(), false);
    assert.match((await window.page).url(), /kept=10000$/);
  }
  await window.crash('crashed');
  assert.equal(window.isDestroyed(), true);
});
