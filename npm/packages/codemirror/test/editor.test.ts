// The editor as its user has it: in a browser, with keyboard and pointer.

import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';

import type { Browser, Page } from 'playwright-core';

import { launch, open } from './browser.js';
import type { EditOptions } from './page.js';

let browser: Browser;
let page: Page;
before(async () => {
  browser = await launch();
  page = await open(browser, 'page.js');
});
after(() => browser.close());

const text = () => page.evaluate(() => editor.state.doc.toString());
const pieces = (style: string) => page.locator(`.cm-content .tok-${style}`).allTextContents();
const diagnostics = () => page.locator('.cm-panel-lint li').allInnerTexts();

async function edit(doc: string, options: EditOptions = {}): Promise<void> {
  await page.evaluate(
    ([doc, options]) => {
      mount(doc, options);
    },
    [doc, options] as const,
  );
}

afterEach(async () => {
  assert.deepEqual(await page.evaluate(() => failures), []);
});

test('a query has colors while it is typed', async () => {
  await edit('');
  await page.keyboard.type('edge({status="502"}) an');
  await page.waitForSelector('.tok-namespace');
  assert.deepEqual(await pieces('namespace'), ['edge']);
  assert.deepEqual(await pieces('string'), ['"502"']);
  assert.deepEqual(await pieces('keyword'), []);
  await page.keyboard.type('d');
  assert.deepEqual(await pieces('keyword'), ['and']);
  await page.keyboard.type(' # why');
  assert.deepEqual(await pieces('comment'), ['# why']);
});

test('what fits is picked from a list with the keyboard', async () => {
  const list = page.getByRole('listbox', { name: 'Completions' });
  const options = () => list.getByRole('option').locator('.cm-completionLabel').allTextContents();
  const hostile = '<img src=x>\u202e';
  const labels = [{ name: 'zone', values: ['north', 'south', hostile] }];
  await edit('', { vocabulary: { sources: [{ name: 'shop', labels }] } });
  await page.keyboard.type('sh');
  await list.waitFor();
  assert.deepEqual(await options(), ['shop']);
  await page.keyboard.press('Tab');
  assert.equal(await text(), 'shop({})');
  await page.keyboard.press('ArrowLeft');
  await page.keyboard.press('ArrowLeft');
  await page.keyboard.press('Control+Space');
  await list.waitFor();
  assert.deepEqual(await options(), ['zone']);
  await page.keyboard.press('Tab');
  assert.equal(await text(), 'shop({zone})');
  await page.keyboard.type('="');
  await list.waitFor();
  assert.deepEqual(await options(), ['north', 'south', '<img src=x>�']);
  await page.keyboard.press('ArrowDown');
  await list.locator('[aria-selected]', { hasText: 'south' }).waitFor();
  await page.keyboard.press('Tab');
  assert.equal(await text(), 'shop({zone="south"})');
  // With nothing typed, nothing is in the way of Enter.
  await page.keyboard.press('End');
  await page.keyboard.type(' ');
  await page.keyboard.press('Enter');
  assert.equal(await text(), 'shop({zone="south"}) \n');
});

test('a hover text says what stands under the pointer', async () => {
  await edit('a({}) then not on(k) b({})');
  const tooltip = page.locator('.cm-tooltip-hover');
  await page.locator('.tok-keyword', { hasText: 'then' }).first().hover();
  await tooltip.waitFor();
  assert.match((await tooltip.textContent()) ?? '', /^left then not right: the left side/);
  assert.deepEqual(await tooltip.locator('code').allTextContents(), ['left then not right']);
  await page.mouse.move(0, 0);
  await tooltip.waitFor({ state: 'detached' });
  const source = page.locator('.tok-namespace').first();
  const { width = 0 } = (await source.boundingBox()) ?? {};
  await source.hover({ position: { x: width - 1, y: 5 } });
  await tooltip.waitFor();
  assert.match((await tooltip.textContent()) ?? '', /^source\(selector\)/);
});

test('mistakes are marked where they are, and say what to do', async () => {
  await edit('');
  await page.keyboard.type('a({}) adn on(k) b({})');
  const mark = page.locator('.cm-lintRange-error');
  await mark.waitFor();
  assert.equal(await mark.textContent(), 'adn');
  await page.keyboard.press('Control+Shift+M');
  assert.deepEqual(
    (await diagnostics()).map((told) => told.split('\n')),
    [
      [
        'unknown operator adn; expected and, or, outer, unless, then or then not',
        'did you mean and?',
        'QUERY_UNKNOWN_OPERATOR',
      ],
    ],
  );
  assert.ok((await page.locator('.cm-panel-lint code').allTextContents()).includes('unless'));
});

test('warnings are marked, and what stands in the query is no markup', async () => {
  await edit('a({x="1"}) and on(x) b({x="2"})');
  await page.locator('.cm-lintRange-warning', { hasText: 'x' }).waitFor();
  await edit('a({}) <img src=x> ```');
  await page.locator('.cm-lintRange-error').first().waitFor();
  await page.keyboard.press('Control+Shift+M');
  assert.match((await diagnostics())[0] ?? '', /, found <\n/);
  await edit('a({}) ```');
  await page.locator('.cm-lintRange-error').first().waitFor();
  await page.keyboard.press('Control+Shift+M');
  assert.match((await diagnostics())[0] ?? '', /, found ```\n/);
  await edit('a({x="<img src=x>", x="2"}) and on(k) b({})');
  await page.locator('.cm-lintRange-warning').waitFor();
  await page.keyboard.press('Control+Shift+M');
  assert.match((await diagnostics())[0] ?? '', /both x="<img src=x>" and/);
  assert.equal(await page.locator('img').count(), 0);
});

test('an empty query is no mistake yet', async () => {
  await edit('a', { lintDelay: 0 });
  const found = page.locator('.cm-panel-lint .cm-diagnostic-error');
  await page.keyboard.press('Control+Shift+M');
  await found.waitFor();
  await page.evaluate(() => {
    editor.focus();
  });
  await page.keyboard.press('Backspace');
  await found.waitFor({ state: 'detached' });
  assert.equal(await text(), '');
});

test('selectors are left to the sources that select', async () => {
  const query = 'loki(rate({a="b"}[5m])) and on(k) b({}) x';
  const found = async (options: EditOptions) => {
    await edit(query, { lintDelay: 0, ...options });
    await page.locator('.cm-lintRange-error').first().waitFor();
    return page.locator('.cm-lintRange-error').allTextContents();
  };
  const vocabulary = { sources: [{ name: 'loki', selects: true }] };
  assert.deepEqual(await found({}), ['rate', 'x']);
  assert.deepEqual(await found({ vocabulary }), ['x']);
  assert.deepEqual(await found({ planning: { selectingSources: ['loki'] } }), ['x']);
  assert.deepEqual(await found({ vocabulary, planning: { selectingSources: [] } }), ['rate', 'x']);
});

test('a key formats the query, and the cursor stays at what it was at', async () => {
  const query = 'edge({})[60s]AND on(id)(app({}))';
  await edit(query);
  await page.evaluate((anchor) => {
    editor.dispatch({ selection: { anchor } });
  }, query.indexOf('pp({'));
  await page.keyboard.press('Shift+Alt+F');
  assert.equal(await text(), 'edge({})[1m] and on(id) app({})');
  await page.keyboard.type('X');
  assert.equal(await text(), 'edge({})[1m] and on(id) aXpp({})');
  await page.keyboard.press('Control+z');
  await page.keyboard.press('Control+z');
  assert.equal(await text(), query);
});

test('lines are formatted with the line ends of the document', async () => {
  const clause = 'and on(request_id, customer_id) within(30s) checkout({service="payment"})[5m] ';
  await edit(`edge({}) ${clause.repeat(3)}`, { lineSeparator: '\r\n' });
  assert.equal(await page.evaluate(() => formatNow()), true);
  assert.deepEqual(
    await page.evaluate(() => [
      editor.state.doc.lines > 1,
      editor.state.sliceDoc().includes('\r\n'),
    ]),
    [true, true],
  );
  assert.doesNotMatch(await page.evaluate(() => editor.state.doc.line(1).text), /\n/);
});

test('a query that does not parse is not formatted, and says at once why', async () => {
  await edit('a({}) adn', { lintDelay: 1e9 });
  await page.keyboard.press('Shift+Alt+F');
  await page.locator('.cm-lintRange-error', { hasText: 'adn' }).waitFor();
  assert.equal(await text(), 'a({}) adn');
});

test('what may not be written is not formatted', async () => {
  await edit('a( {} )', { readOnly: true });
  assert.equal(await page.evaluate(() => formatNow()), false);
  assert.equal(await text(), 'a( {} )');
});

test('brackets close by themselves, and show where they end', async () => {
  await edit('');
  await page.keyboard.type('a({x="(');
  assert.equal(await text(), 'a({x="("})');
  await page.keyboard.press('Home');
  await page.keyboard.press('ArrowRight');
  assert.deepEqual(await page.locator('.cm-matchingBracket').allTextContents(), ['(', ')']);
});

test('a line becomes a comment with the key of the editor', async () => {
  await edit('a({})');
  await page.keyboard.press('Control+/');
  assert.equal(await text(), '# a({})');
  assert.equal((await pieces('comment')).join(''), '# a({})');
});

test('a text longer than any query can be pasted, and written on', async () => {
  await edit('', { lintDelay: 0 });
  await page.evaluate(() => {
    const clipboardData = new DataTransfer();
    clipboardData.setData('text/plain', 'a({}) then '.repeat(1_000_000));
    editor.contentDOM.dispatchEvent(new ClipboardEvent('paste', { clipboardData }));
  });
  await page.keyboard.press('Control+Home');
  await page.keyboard.type('outer un');
  await page.locator('.tok-keyword', { hasText: 'outer' }).waitFor();
  await page.keyboard.press('Control+Shift+M');
  await page.locator('.cm-panel-lint li', { hasText: 'the query has 11000008 bytes' }).waitFor();
  assert.equal(await page.evaluate(() => editor.state.doc.length), 11_000_008);
});
