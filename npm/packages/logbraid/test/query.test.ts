import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { runInNewContext } from 'node:vm';

import {
  OptionError,
  QueryError,
  complete,
  explain,
  format,
  highlight,
  hover,
  parse,
  render,
  validate,
} from 'logbraid';

test('the examples of the query tools give what they say', () => {
  const read = (file: string) =>
    readFileSync(new URL(`../../src/${file}`, import.meta.url), 'utf8');
  const source = read('query.ts') + read('explain.ts');
  const examples = [...source.matchAll(/^ \* (\w+\(.*); \/\/ (.*)$/gm)];
  assert.equal(examples.length, 8);
  for (const [, code = '', expected] of examples) {
    const given: unknown = runInNewContext(code, {
      format,
      complete,
      highlight,
      hover,
      explain,
      validate,
    });
    assert.equal(String(given), expected, code);
  }
});

test('positions count UTF-16 units, on the way in and out', () => {
  const text = 'a({x="😀é"}) un';
  assert.equal(complete(text, text.length)[0]?.insert, 'unless');
  assert.deepEqual(complete(text, text.length)[0]?.span, { start: 13, end: 15 });
  const all = highlight(text).map(({ span }) => text.slice(span.start, span.end));
  assert.ok(all.includes('"😀é"'));
  assert.equal(hover(text.replace('un', 'unless'), 14)?.span.start, 13);
  assert.equal(hover('   ', 1), undefined);
});

test('completion offers what the host knows', () => {
  const vocabulary = { sources: [{ name: 'shop', labels: [{ name: 'app', values: ['cart'] }] }] };
  assert.ok(complete('sh', 2, vocabulary).some(({ insert }) => insert.startsWith('shop')));
  assert.ok(complete('shop({a', 7, vocabulary).some(({ label }) => label === 'app'));
});

test('what an editor cannot mean is a TypeError that says what was expected', () => {
  const query = 'a({})';
  for (const wrong of [undefined, null, 5, {}] as never[]) {
    assert.throws(() => highlight(wrong), { name: 'TypeError', message: /^query must be a text/ });
    assert.throws(() => complete(wrong, 0), { name: 'TypeError', message: /^query must be/ });
    assert.throws(() => hover(wrong, 0), { name: 'TypeError', message: /^query must be/ });
    for (const tool of [parse, format, validate, render]) {
      assert.throws(() => tool(wrong), OptionError);
    }
  }
  for (const wrong of ['x', NaN, -1, 0.5, null, Infinity] as never[]) {
    assert.throws(() => complete(query, wrong), { name: 'TypeError', message: /^cursor must be/ });
    assert.throws(() => hover(query, wrong), { name: 'TypeError', message: /^offset must be/ });
  }
  assert.throws(() => complete(query, 0, null as never), {
    name: 'TypeError',
    message: /^vocabulary must be/,
  });
  assert.deepEqual(complete(query, 99), complete(query, query.length));
});

test('what does not parse is not formatted', () => {
  assert.throws(() => format('a('), QueryError);
  const conditions = Array.from({ length: 4500 }, () => 'a.x=1').join(' and ');
  assert.throws(
    () => format(`a({}) and on(k) b({}) | where ${conditions}`),
    /^QueryError: laid out/,
  );
});

test('explain tells the plan, what it holds, and what is pushed down', () => {
  const query = 'loki({a="1"})[1h] as l then on(k=j) within(30s) b({})';
  const explanation = explain(query, {
    eventsPerSecond: 10,
    bytesPerEvent: 100,
    lateTolerance: '10s',
    defaultTimeWindow: '1m',
    selectingSources: ['loki'],
  });
  const left = {
    type: 'stream',
    name: 'l',
    source: 'loki',
    selector: '{a="1"}',
    pushedDown: true,
    range: '1h',
    held: '40s',
    events: 400,
    bytes: 40_000,
  };
  const { tree, sources, hints, ...rest } = explanation;
  assert.ok(tree.type === 'join' && tree.right.type === 'stream');
  assert.deepEqual(tree.left, left);
  assert.deepEqual([tree.kind, tree.keys, tree.lo, tree.hi], ['then', 'on(k=j)', '0s', '30s']);
  assert.deepEqual([tree.right.name, tree.right.pushedDown, tree.right.range], ['b', false, '1m']);
  assert.deepEqual(sources, [
    { name: 'loki', selector: '{a="1"}', range: '1h', streams: ['l'] },
    { name: 'b', selector: null, range: '1m', streams: ['b'] },
  ]);
  assert.equal(hints.length, 1);
  const bytes = rest.events * 100;
  const total = left.events + tree.right.events;
  assert.deepEqual(rest, { events: total, bytes, score: 40, complexity: 'moderate' });
});

test('selectors of selecting sources are left to them, by validate, render and explain', () => {
  const query =
    'loki({job="nginx"} | json | line_format "x")[5m] and on(id) graylog(a:b AND level:3)[5m]';
  assert.equal(validate(query).valid, false);
  assert.match(render(query), /^error/);
  const options = { selectingSources: ['loki', 'graylog'] };
  assert.deepEqual(validate(query, options), { valid: true, diagnostics: [] });
  assert.equal(render(query, options), '');
  assert.equal(explain(query, options).sources.length, 2);
  for (const wrong of [
    { selecting: [] },
    { selectingSources: 'loki' },
    { selectingSources: [1] },
  ]) {
    assert.throws(() => validate(query, wrong as object), OptionError);
    assert.throws(() => render(query, wrong as object), OptionError);
  }
});

test('explain refuses what makes no sense', () => {
  assert.throws(() => explain('a({})'), QueryError);
  const query = 'a({}) and on(k) b({})';
  for (const options of [
    { eventsPerSecond: 0 },
    { bytesPerEvent: 1.5 },
    { defaultTimeWindow: 'soon' },
    { selectingSources: 'a' },
    { rate: 1 },
  ]) {
    const [name = ''] = Object.keys(options);
    assert.throws(
      () => explain(query, options as object),
      (error) => error instanceof OptionError && error.message.includes(name),
    );
  }
});

test('the syntax tree has every field of its type, and no other', () => {
  const text =
    'a({x="é😀"})[5m] as x then on(k, l=r) ignoring(q) within(-1s, 2s) pick(first) ' +
    '(b({}) or ignoring(z) group_left(t) c({})) {l=~"😀"} | where x.k = "1" | limit 3';
  const tree = parse(text);
  const at = ({ start, end }: { start: number; end: number }) => text.slice(start, end);
  const spanned = <T>({ value, span }: { value: T; span: { start: number; end: number } }) => [
    value,
    at(span),
  ];
  assert.deepEqual(Object.keys(tree).sort(), ['expr', 'projection', 'span', 'stages']);
  const join = tree.expr;
  assert.ok(join.type === 'join' && join.left.type === 'stream' && join.right.type === 'join');
  const joinFields = 'grouping ignoring kind left on pick right span type within'.split(' ');
  assert.deepEqual(Object.keys(join).sort(), joinFields);
  assert.deepEqual(Object.keys(join.right).sort(), joinFields);
  const streamFields = ['alias', 'range', 'selector', 'source', 'span', 'type'];
  assert.deepEqual(Object.keys(join.left).sort(), streamFields);
  const { left, right } = join;
  assert.deepEqual(spanned(left.source), ['a', 'a']);
  assert.deepEqual(spanned(left.selector), ['{x="é😀"}', '{x="é😀"}']);
  assert.deepEqual(left.range && spanned(left.range), ['5m', '5m']);
  assert.deepEqual(left.alias && spanned(left.alias), ['x', 'x']);
  assert.deepEqual(spanned(join.kind), ['then', 'then']);
  assert.deepEqual(
    join.on.map((key) => [key.left, key.right, at(key.span)]),
    [
      ['k', 'k', 'k'],
      ['l', 'r', 'l=r'],
    ],
  );
  assert.deepEqual(join.ignoring?.labels.map(spanned), [['q', 'q']]);
  assert.deepEqual([join.within?.lo, join.within?.hi], ['-1s', '2s']);
  assert.deepEqual([join.pick?.policy, join.grouping], ['first', null]);
  assert.deepEqual([right.on, right.within, right.pick], [[], null, null]);
  assert.deepEqual(right.grouping?.labels.map(spanned), [['t', 't']]);
  assert.deepEqual([right.grouping.side, right.kind.value], ['left', 'or']);
  assert.deepEqual(
    tree.projection.map(({ label, op, value, span }) => [label, op, spanned(value), at(span)]),
    [['l', '=~', ['😀', '"😀"'], 'l=~"😀"']],
  );
  assert.deepEqual(tree.stages.map(spanned), [
    ['where x.k = "1"', 'where x.k = "1"'],
    ['limit 3', 'limit 3'],
  ]);
  assert.equal(at(tree.span), text);
});
