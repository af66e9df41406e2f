// What logs say is shown, and nothing else: it is no markup, and hides nothing.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Pages, addFile, rows, run, write } from './page.js';

const pages = new Pages();

const MARKUP =
  '<img src=x onerror="document.title=\'taken\'"><script>document.title="taken"</script>';

/** Two logs that say a text wherever a log can. */
function logs(text: string): [string, string] {
  const line = (at: number) =>
    JSON.stringify({
      time: `2026-01-01T00:00:0${at}Z`,
      level: text,
      [text]: text,
      k: text,
      message: `${text} ${at}`,
    });
  return [`${line(0)}\n${text}\n${line(2)}\n`, `${line(1)}\n`];
}

test('markup in lines, labels, keys and names of files is text', () =>
  pages.open(async (page) => {
    const [left, right] = logs(MARKUP);
    await addFile(page, `left ${MARKUP}.log`, left);
    await addFile(page, 'right.log', right);
    const names = page.locator('.source input');
    await names.nth(0).fill('left');
    await names.nth(0).press('Enter');
    await page.locator('.source summary').first().click();
    assert.match(await run(page, 'left({}) and on(k) right({})'), /^1 correlation, /);
    await page.getByText('1 warning').click();
    await page
      .locator('#problem-list')
      .getByText(/left: 1 bad line, the first is line 2/)
      .waitFor();
    await rows(page).first().click();
    await page.locator('.event summary').first().click();
    assert.equal(await page.locator('#details h3').innerText(), `k=${MARKUP}`);
    assert.ok((await page.locator('#details pre').innerText()).includes('<img src=x onerror='));
    await page.locator('#timeline').press('ArrowRight');
    await page.locator('#timeline-canvas').hover({ position: { x: 20, y: 20 } });
    await write(page, `left({}) and on(k) right({}) ${MARKUP}`);
    await page.locator('#run').click();
    await page.locator('#failure').waitFor();
    assert.deepEqual(
      await page.evaluate(() => [
        document.title,
        document.querySelectorAll('main img, main script').length,
      ]),
      ['Logbraid', 0],
    );
  }));

test('what hides in text, or turns it around, is made visible', () =>
  pages.open(async (page) => {
    const [left, right] = logs('a\u202egnp.exe\u200b\u0007\u001b[31m');
    await addFile(page, 'left.log', left);
    await addFile(page, 'right.log', right);
    await run(page, 'left({}) and on(k) right({})');
    await rows(page).first().click();
    await page.locator('.event summary').first().click();
    const text = await page.locator('main').innerText();
    assert.match(text, /k=a\ufffdgnp\.exe\ufffd\u2407\u241b\[31m/);
    // eslint-disable-next-line no-control-regex -- these are what it is about
    assert.doesNotMatch(text, /[\u202e\u200b\u0007\u001b]/);
  }));

test('a correlation of very many events, and very long ones, is shown in part', () =>
  pages.open(async (page) => {
    const line = (at: number) =>
      JSON.stringify({ time: Date.UTC(2026, 0, 1) + at, k: 'x', message: 'long '.repeat(2000) });
    const many = Array.from({ length: 1000 }, (_, at) => line(at)).join('\n');
    await addFile(page, 'left.log', many);
    await addFile(page, 'right.log', line(5));
    assert.match(await run(page, 'left({}) and on(k) right({})'), /^1 correlation, /);
    await rows(page).first().click();
    assert.equal(await page.locator('.event').count(), 200);
    await page.getByRole('button', { name: 'Show more of 1,001 events' }).click();
    assert.equal(await page.locator('.event').count(), 400);
    assert.ok((await page.locator('#details').innerText()).length < 400 * 600);
  }));

test('the page runs no script, and takes no style, but its own', () =>
  pages.open(
    async (page) => {
      const blocked = await page.evaluate(async () => {
        const told: string[] = [];
        document.addEventListener('securitypolicyviolation', ({ effectiveDirective }) => {
          told.push(effectiveDirective);
        });
        document.body.insertAdjacentHTML('beforeend', '<p style="color: red" onclick="1">x</p>');
        const script = document.createElement('script');
        script.textContent = 'document.title = "taken"';
        document.body.append(script);
        await fetch('http://127.0.0.1:9/').catch(() => undefined);
        await new Promise((resolve) => setTimeout(resolve, 50));
        return told;
      });
      for (const directive of [
        'style-src-attr',
        'script-src-attr',
        'script-src-elem',
        'connect-src',
      ]) {
        assert.ok(blocked.includes(directive), `${directive} is not blocked`);
      }
      assert.equal(await page.title(), 'Logbraid');
    },
    {},
    /Content Security Policy/,
  ));
