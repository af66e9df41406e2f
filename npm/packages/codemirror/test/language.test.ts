// What the editor knows of a query without being shown. What it shows is in editor.test.ts.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';

import { CompletionContext, insertBracket } from '@codemirror/autocomplete';
import type { CompletionSource } from '@codemirror/autocomplete';
import { toggleComment } from '@codemirror/commands';
import { matchBrackets, syntaxTree } from '@codemirror/language';
import { EditorState } from '@codemirror/state';
import { EditorView } from '@codemirror/view';
import { classHighlighter, highlightTree } from '@lezer/highlight';
import { OptionError, complete, highlight, validate } from 'logbraid';
import { logbraidQuery } from 'logbraid-codemirror';
import type { LogbraidQueryOptions } from 'logbraid-codemirror';

const stateOf = (doc: string, options?: LogbraidQueryOptions, cursor = doc.length) =>
  EditorState.create({ doc, selection: { anchor: cursor }, extensions: [logbraidQuery(options)] });

/** The pieces with the classes a style gives them. */
function colored(state: EditorState): [string, string][] {
  const pieces: [string, string][] = [];
  highlightTree(syntaxTree(state), classHighlighter, (from, to, classes) => {
    pieces.push([state.sliceDoc(from, to), classes]);
  });
  return pieces;
}

/** What is offered at a place; asked for by key, or by typing. */
async function offered(state: EditorState, pos: number, explicit = true) {
  const [source] = state.languageDataAt<CompletionSource>('autocomplete', pos);
  assert.ok(source);
  return source(new CompletionContext(state, pos, explicit));
}

const QUERY = `# by request, "quoted"
edge({path=~"/c.*", é="😀"} | json)[5m] as e then not on(id, k=j) within(-1s, 2)
  app({}) | where count(e) >= 2`;

test('every piece of the engine has a style, and nothing else has', () => {
  assert.deepEqual(
    colored(stateOf(QUERY)).map(([piece]) => piece),
    highlight(QUERY)
      .map(({ kind, span }) => ({ kind, text: QUERY.slice(span.start, span.end) }))
      .map(({ text }) => text),
  );
  const kinds = new Set(highlight(QUERY).map(({ kind }) => kind));
  assert.equal(kinds.size, 12, 'the query has a token of each kind');
  const styles = new Map(colored(stateOf(QUERY)));
  assert.deepEqual(
    ['edge', 'then', 'on', '"😀"', 'path', '5m'].map((piece) => styles.get(piece)),
    ['tok-namespace', 'tok-keyword', 'tok-keyword', 'tok-string', 'tok-labelName', 'tok-number'],
  );
});

test('styles follow what is typed', () => {
  const state = stateOf('a({}) th');
  assert.equal(colored(state).at(-1)?.[1], 'tok-variableName');
  const typed = state.update({ changes: { from: state.doc.length, insert: 'en' } }).state;
  assert.deepEqual(colored(typed).at(-1), ['then', 'tok-keyword']);
});

test('of a text longer than any query, only what a query could have is looked at', async () => {
  const longest = 64 * 1024;
  const text = 'a({}) then '.repeat(longest / 8);
  const pieces = colored(stateOf(text)).map(([piece]) => piece);
  assert.equal(pieces.length, highlight(text).length);
  assert.equal(await offered(stateOf(text), 7), null);
  // The engine draws the line there, too.
  const codes = (query: string) => validate(query).diagnostics.map(({ code }) => code);
  assert.ok(!codes(' '.repeat(longest)).includes('QUERY_TOO_LONG'));
  assert.ok(codes(' '.repeat(longest + 1)).includes('QUERY_TOO_LONG'));
  const full = `a({}) un${' '.repeat(longest - 8)}`;
  assert.equal((await offered(stateOf(full), 8))?.options[0]?.label, 'unless');
});

test('brackets match by what they are to the engine', () => {
  const query = 'a({x=")"} |= `(`) # )';
  const match = (pos: number) => matchBrackets(stateOf(query), pos, 1);
  assert.deepEqual(match(1)?.end, { from: 16, to: 17 });
  assert.deepEqual(match(2)?.end, { from: 8, to: 9 });
  assert.equal(matchBrackets(stateOf('a({}'), 1, 1)?.matched, false);
});

test('what is closed by itself is closed to the engine, too', () => {
  for (const [before, open, expected] of [
    ['a', '(', 'a()'],
    ['a(', '{', 'a({}'],
    ['a({})', '[', 'a({})[]'],
    ['a({x=', '"', 'a({x=""'],
    ['a({x=', "'", "a({x=''"],
    ['a({x=', '`', 'a({x=``'],
    // Inside of a text it is a character.
    ['a({x="(', '"', 'a({x="("'],
  ] as const) {
    const typed = insertBracket(stateOf(before), open)?.state ?? stateOf(before + open);
    assert.equal(typed.doc.toString(), expected);
    const kinds = highlight(expected).map(({ kind }) => kind);
    assert.equal(kinds.at(-1), /["'`]/.test(open) ? 'text' : 'punctuation');
  }
});

test('comments toggle', () => {
  const query = 'a({})\nand on(k) b({})';
  let state = stateOf(query, {}, 7);
  const toggle = () => {
    assert.ok(
      toggleComment({
        state,
        dispatch: (transaction) => {
          state = transaction.state;
        },
      }),
    );
    return state.doc.toString();
  };
  const commented = toggle();
  assert.equal(highlight(commented).at(-1)?.kind, 'comment');
  assert.equal(validate(commented).diagnostics.length, validate('a({})').diagnostics.length);
  assert.equal(toggle(), query);
});

test('what is offered is what the engine offers, in its order', async () => {
  const vocabulary = {
    sources: [{ name: 'shop', labels: [{ name: 'zone', values: ['b', 'a'] }, { name: 'app' }] }],
  };
  for (const [query, cursor] of [
    ['a({}) un', 8],
    ['sh({})', 2],
    ['shop({z', 7],
    ['shop({zone="", x="😀"})', 12],
    ['shop({}) thenx not on(k) a({})', 11],
  ] as const) {
    const result = await offered(stateOf(query, { vocabulary: () => vocabulary }), cursor);
    const expected = complete(query, cursor, vocabulary);
    assert.ok(expected.length > 0, query);
    assert.deepEqual([result?.from, result?.to], Object.values(expected[0]?.span ?? {}));
    assert.equal(result?.filter, false);
    assert.deepEqual(
      result.options.map(({ label, apply, detail }) => ({ label, insert: apply, detail })),
      expected.map(({ label, insert, detail }) => ({ label, insert, detail })),
    );
    assert.ok(result.options.every(({ type }) => type !== undefined));
  }
});

test('unasked, something is offered only at a word', async () => {
  const state = stateOf('a({}) ');
  assert.equal(await offered(state, 6, false), null);
  assert.ok(await offered(state, 6, true));
  assert.ok(await offered(stateOf('a({}) u'), 7, false));
  assert.equal(await offered(stateOf('a({}) # u'), 9, true), null);
});

test('a host is asked for its vocabulary once for many keys', async () => {
  let asked = 0;
  const vocabulary = () => {
    asked += 1;
    return setImmediate({ sources: [{ name: 'shop' }] });
  };
  const state = stateOf('sh', { vocabulary });
  for (let key = 0; key < 3; key += 1) {
    assert.equal((await offered(state, 2))?.options[0]?.label, 'shop');
  }
  assert.equal(asked, 1);
});

test('a host is asked again after a while, and what it said holds where it fails then', async (t) => {
  let now = 0;
  t.mock.method(performance, 'now', () => now);
  const answers = ['shop', 'shed', new Error('gone')];
  const told: unknown[] = [];
  const state = EditorState.create({
    doc: 'sh',
    extensions: [
      EditorView.exceptionSink.of((it) => told.push(it)),
      logbraidQuery({
        vocabulary: () => {
          const name = answers.shift();
          if (typeof name !== 'string') throw name ?? new Error('asked too often');
          return { sources: [{ name }] };
        },
      }),
    ],
  });
  const first = async () => (await offered(state, 2))?.options[0]?.label;
  assert.equal(await first(), 'shop');
  now += 30_000;
  await first();
  assert.equal(await first(), 'shed');
  now += 30_000;
  await first();
  assert.equal(await first(), 'shed');
  assert.deepEqual(told.map(String), ['Error: gone']);
});

test('a vocabulary that fails is told to the editor, and the language is offered all the same', async () => {
  const told: unknown[] = [];
  const failure = new Error('no answer');
  const vocabulary = () => Promise.reject(failure);
  const state = EditorState.create({
    doc: 'a({}) un',
    extensions: [logbraidQuery({ vocabulary }), EditorView.exceptionSink.of((it) => told.push(it))],
  });
  assert.equal((await offered(state, 8))?.options[0]?.label, 'unless');
  assert.deepEqual(told, [failure]);
});

test('options that cannot be are told when the extension is made', () => {
  assert.throws(() => logbraidQuery({ planning: { defaultTimeWindow: 'soon' } }), OptionError);
  assert.throws(() => logbraidQuery({ planning: { selecting: [] } as object }), OptionError);
});
