import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import {
  CorrelationEngine,
  OptionError,
  QueryBuilder,
  count,
  duration,
  every,
  field,
  first,
  format,
  label,
  last,
  local,
  not,
  parse,
  raw,
  stream,
  ts,
  validate,
  value,
} from 'logbraid';
import type { Condition, JoinClauses, LabelOperator, QueryInput } from 'logbraid';

interface Spanned {
  value: string;
}
interface Tree {
  type: string;
  kind: Spanned;
  on: { left: string; right: string }[];
  ignoring: { labels: Spanned[] } | null;
  within: { lo: string; hi: string } | null;
  pick: { policy: string } | null;
  grouping: { side: string; labels: Spanned[] } | null;
  left: Tree;
  right: Tree;
  source: Spanned;
  selector: Spanned;
  alias: Spanned | null;
}
interface Parsed {
  expr: Tree;
  projection: { label: string; op: string; value: Spanned }[];
  stages: Spanned[];
}
const treeOf = (query: QueryInput) => parse(query) as unknown as Parsed;

const a = QueryBuilder.from('a', local());
const b = stream('b', local());
const joined = a.and(b, { on: 'k' });

test('every construct has its text', () => {
  const edge = QueryBuilder.from('loki', raw('{app="a"} |= "x"'), { range: '5m', as: 'edge' });
  assert.equal(
    edge
      .followedBy(b.outer(a, { ignoring: ['host', 'pod'] }), {
        on: ['id', { left: 'trace', right: 'trace.id' }],
        within: [-500, '5s'],
        pick: 'latest',
      })
      .unless(stream('c', local()), { on: 'id', within: 1.5, groupLeft: ['team'] })
      .project({ level: 'error', status: ['!~', '5..'] })
      .where(
        label('edge', 'status')
          .gte(500)
          .and(not(every(label('b', 'x').ne('y')))),
      )
      .where(ts('a').minus(ts('edge')).gt('2s').or(count('b').lt(3)))
      .where(first('a').label('x').matches('z').and(duration.lte(250)))
      .select('id', 'b#2.x')
      .limit(10)
      .toString(),
    'loki({app="a"} |= "x")[5m] as edge then on(id, trace=trace.id) within(-500ms, 5s) ' +
      'pick(latest) (b({}) outer ignoring(host, pod) a({})) unless on(id) within(1500000ns) ' +
      'group_left(team) c({}) {level="error", status!~"5.."} ' +
      '| where edge.status >= 500 and not (every(b.x != "y")) ' +
      '| where a.ts - edge.ts > 2s or count(b) < 3 ' +
      '| where first(a).x =~ "z" and duration <= 250ms | select id, b#2.x | limit 10',
  );
});

test('built queries run', async () => {
  const engine = new CorrelationEngine();
  engine.addAdapter('a', [{ timestamp: 0, labels: { k: 'x', level: '"' } }]);
  engine.addAdapter('b', [{ timestamp: 1, labels: { k: 'x' } }]);
  const query = QueryBuilder.from('a', local({ level: '"' })).and(b, { on: 'k' });
  const found = await engine.run(query);
  assert.deepEqual(
    found.map((one) => one.joinValue),
    ['x'],
  );
  assert.equal(validate(query).valid, true);
  assert.throws(() => engine.correlate(a as never), { code: 'INVALID_OPTION' });
  await engine.destroy();
});

const HOSTILE = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc
    .array(
      fc.constantFrom(
        '"',
        "'",
        '`',
        '\\',
        '\n',
        '(',
        ')',
        '{',
        '}',
        '#',
        '|',
        ' and ',
        'é',
        '\u2028',
      ),
    )
    .map((parts) => parts.join('')),
  fc.constantFrom(
    '\u2028',
    '\u2029',
    '\\',
    '\\"',
    '"#',
    '# a\n',
    '\r\n',
    '\0',
    '\u0085',
    '" or a.x = "',
    '\ufeff',
  ),
);
const NAME = fc.oneof(
  fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,8}$/),
  fc.constantFrom('and', 'on', 'as', 'not', 'within', 'then', 'where', 'limit', 'group_left'),
);
const LABEL = fc.oneof(NAME, fc.stringMatching(/^[A-Za-z_][a-z0-9_]{0,4}\.[a-z0-9_]{1,4}$/));

test('whatever a value holds, it comes back as that value', () => {
  const operator = fc.constantFrom<LabelOperator>('=', '!=', '=~', '!~');
  fc.assert(
    fc.property(LABEL, operator, HOSTILE, (name, op, value) => {
      const { projection, expr } = treeOf(joined.project({ [name]: [op, value] }));
      assert.deepEqual(
        projection.map((one) => [one.label, one.op, one.value.value]),
        [[name, op, value]],
      );
      assert.equal(expr.type, 'join');
    }),
  );
});

test('no value of a selector or a condition leaves its place', () => {
  fc.assert(
    fc.property(HOSTILE, HOSTILE, LABEL, (one, other, name) => {
      const selector = local({ [name]: one })
        .contains(other)
        .lacks(one)
        .json()
        .filter(field(name, '=', other), field(name, '>', 5));
      const query = QueryBuilder.from('a', selector).and(b, { on: 'k' });
      assert.equal(treeOf(query).expr.left.selector.value, selector.text);
      assert.deepEqual(
        validate(query).diagnostics.filter((found) => found.severity === 'error'),
        [],
      );
      const stages = treeOf(joined.where(label('a', 'x').eq(one)).limit(3)).stages;
      assert.equal(stages.length, 2);
      assert.equal(stages[1]?.value, 'limit 3');
    }),
  );
});

test('names, keys and clauses come back', () => {
  const labels = fc.uniqueArray(LABEL, { minLength: 1, maxLength: 3 });
  const pairs = fc.uniqueArray(fc.record({ left: LABEL, right: LABEL }), {
    minLength: 1,
    selector: (pair) => pair.left,
  });
  // `b` is the other stream, and no two have one name.
  const alias = NAME.filter((name) => name !== 'b');
  fc.assert(
    fc.property(pairs, labels, alias, fc.boolean(), (keys, ignored, as, named) => {
      const clauses = (named
        ? { on: keys, groupRight: ignored }
        : { ignoring: ignored, pick: 'pairs' }) as unknown as JoinClauses;
      const { expr } = treeOf(QueryBuilder.from('a', local(), { as }).or(b, clauses));
      assert.equal(expr.left.alias?.value, as);
      if (named) {
        assert.deepEqual(
          expr.on.map(({ left, right }) => ({ left, right })),
          keys.map(({ left, right }) => ({ left, right })),
        );
        assert.equal(expr.grouping?.side, 'right');
        assert.equal(expr.grouping.labels.length, ignored.length);
      } else {
        assert.deepEqual(
          expr.ignoring?.labels.map(({ value }) => value),
          ignored,
        );
        assert.equal(expr.pick?.policy, 'pairs');
      }
    }),
  );
});

test('a raw selector is taken to the byte or refused', () => {
  fc.assert(
    fc.property(HOSTILE, (text) => {
      let selector;
      try {
        selector = raw(text);
      } catch (error) {
        assert.ok(error instanceof OptionError);
        return;
      }
      const { expr } = treeOf(QueryBuilder.from('a', selector).and(b, { on: 'k' }));
      assert.equal(expr.left.selector.value, text);
      assert.equal(expr.right.source.value, 'b');
    }),
  );
  for (const text of [')', '(', '"', ') and on(k) c(', '`', '"\\"']) {
    assert.throws(() => raw(text), { code: 'INVALID_OPTION' }, text);
  }
});

test('what is no name is refused, and named', () => {
  const bad = ['', '1a', 'a b', 'a)', 'a-b', 'é', 'a\n', 'a"', 'a#'];
  for (const name of bad) {
    const all: [string, () => unknown][] = [
      ['source', () => stream(name, local())],
      ['as', () => stream('a', local(), { as: name })],
      ['on', () => a.and(b, { on: name })],
      ['ignoring', () => a.and(b, { ignoring: name })],
      ['groupLeft', () => a.and(b, { on: 'k', groupLeft: [name] })],
      ['label', () => local({ [name]: 'x' })],
      ['label', () => label('a', name)],
      ['stream', () => ts(name)],
      ['select', () => joined.select(name as never)],
    ];
    for (const [option, build] of all) {
      assert.throws(
        build,
        (error) => error instanceof OptionError && error.details['option'] === option,
      );
    }
  }
  for (const build of [
    () => stream('On' as never, local()),
    () => stream('a', local(), { range: '5m] as x' }),
    () => stream('a', local(), { range: -1 }),
    () => a.and(b, { on: 'k', within: NaN }),
    () => a.and(b, { on: 'k', pick: 'latest' as never }),
    () => a.and(b, { on: 'k', pick: 'pairs', groupLeft: [] } as never),
    () => a.and(b, {} as never),
    () => a.and(b, { on: ['k', 'k'] }),
    () => joined.limit(0),
    () => joined.project({ x: '\ud800' }),
    () => joined.project({}),
    () => label('a', 'ts' as never),
  ]) {
    assert.throws(build, OptionError);
  }
});

test('plain JavaScript builds no wrong text', () => {
  const any = (given: unknown) => given as never;
  const on = { on: 'k' } as const;
  for (const build of [
    () => joined.where(any('a.x="1"')),
    () => not(any('a.x="1"')),
    () => every(any('a.x="1"')),
    () => label('a', 'x').eq('y').and(any('b')),
    () => label('a', 'x').eq('y').or(any(null)),
    () => QueryBuilder.from('a', any('{}')),
    () => stream('a', any({ text: '{}' })),
    () => stream('a', local(), any({ alias: 'x' })),
    () => stream('a', local(), any(null)),
    () => joined.select(...([] as unknown as ['k'])),
    () => joined.select('k', 'k'),
    () => joined.select('a.ts'),
    () => a.and(b, any({ on: 'k', foo: 1 })),
    () => a.and(b, any(undefined)),
    () => a.and(any('b({})'), on),
    () => a.and(any(joined.limit(1)), on),
    () => a.and(b, any({ on: null })),
    () => a.and(b, any({ on: [null] })),
    () => a.and(b, any({ ...on, within: null })),
    () => a.and(b, any({ ...on, within: ['1s'] })),
    () => a.and(b, any({ ...on, within: ['1s', null] })),
    () => a.and(b, { ...on, within: 1e-9 }),
    () => a.and(b, { ...on, within: -5 }),
    () => a.and(b, { ...on, within: 'banana' }),
    () => a.and(b, { ...on, within: '99999w' }),
    () => a.and(b, any({ ...on, groupLeft: null })),
    () => a.and(b, any({ ...on, groupLeft: 'team' })),
    () => local(any('x')),
    () => local(any({ x: 5 })),
    () => raw(any(5)),
    () => label(any(['a']), 'x'),
    () => ts('a').gt(new Date(Date.UTC(3000, 0))),
    () => ts('a').gt(new Date(-1e15)),
    () => ts('a').gt('2026-01-01'),
    () => ts('a').gt('noon'),
    () => value(NaN),
    () => value(any('x')),
  ]) {
    assert.throws(build, OptionError, build.toString());
  }
});

test('every is about labels of one stream', () => {
  const x = label('a', 'x');
  for (const build of [
    () => every(count('a').gt(1) as never),
    () => every(first('a').label('x').eq('1') as never),
    () => every(ts('a').gt(new Date(0)) as never),
    () => every(duration.gt(5) as never),
    () => every(x.eq('1').and(x.eq('2')) as never),
    () => every(not(x.eq('1')) as never),
    () => every(x.eq(label('b', 'x'))),
  ]) {
    assert.throws(build, OptionError, build.toString());
  }
  for (const comparison of [
    x.eq('1'),
    x.matches('1'),
    x.plus(1).gt(2),
    value(1).lt(x),
    x.eq(label('a', 'y')),
    value(10).minus(x).gt(1),
  ]) {
    assert.equal(validate(joined.where(every(comparison))).valid, true, comparison.text);
  }
});

test('two streams of one name are refused where the engine would', () => {
  const make = ([source, as]: readonly string[]) =>
    stream(source ?? '', local(), as === undefined ? {} : { as });
  const all = [['a'], ['a', 'a'], ['a', 'x'], ['b'], ['b', 'a'], ['b', 'x'], ['x']];
  for (const left of all) {
    for (const right of all) {
      const text = [left, right].map(([from, as]) => `${from}({})${as ? ` as ${as}` : ''}`);
      const { valid } = validate(text.join(' and on(k) '));
      const build = () => make(left).and(make(right), { on: 'k' });
      if (valid) build();
      else assert.throws(build, OptionError, text.join(' '));
    }
  }
});

test('a number is written with all its digits', () => {
  const smallest = `0.${'0'.repeat(323)}5`;
  for (const [number, text] of [
    [1e-30, `0.${'0'.repeat(29)}1`],
    [-1.25e-7, '-0.000000125'],
    [5e-324, smallest],
    [1e21, `1${'0'.repeat(21)}`],
    [1.5e300, `15${'0'.repeat(299)}`],
    [0.1, '0.1'],
  ] as const) {
    const query = joined.where(label('a', 'x').gt(number));
    assert.ok(query.toString().endsWith(` > ${text}`), text);
    assert.equal(validate(query).valid, true, text);
    assert.equal(Number(text), number);
  }
});

test('durations may be negative where they are compared or added', () => {
  const apart = ts('b').minus(ts('a'));
  const query = joined.where(
    apart
      .gt('-5s')
      .and(apart.lt(-5000))
      .and(label('a', 'x').gt({ duration: '-5s' })),
  );
  assert.ok(query.toString().endsWith('> -5s and b.ts - a.ts < -5000ms and a.x > -5s'));
  assert.equal(validate(query).valid, true);
});

test('stages stand in any order and number; literals on the left', () => {
  const one = label('a', 'x').eq('1');
  const query = joined
    .limit(9)
    .where(value(10).minus(count('a')).gt(1))
    .limit(6)
    .select('k')
    .where(one.and(value(1).dividedBy(label('a', 'x')).gt(2)))
    .where(value({ duration: '5s' }).gt(ts('b').minus(ts('a'))))
    .where(value(new Date(0)).lt(ts('a')))
    .limit(5);
  assert.equal(
    query.toString(),
    `${joined.toString()} | limit 9 | where 10 - count(a) > 1 | limit 6 | select k ` +
      '| where a.x = "1" and 1 / a.x > 2 | where 5s > b.ts - a.ts ' +
      '| where "1970-01-01T00:00:00.000Z" < a.ts | limit 5',
  );
  assert.deepEqual(validate(query), { valid: true, diagnostics: [] });
  assert.equal(validate(joined.limit(1).select('k')).valid, true);
});

test('a builder is no promise', async () => {
  assert.equal(await Promise.resolve(joined), joined);
});

test('formatting changes no meaning', () => {
  assert.equal(format(joined), joined.toString());
});

test('every condition that can be built is read, checked and kept in its place', () => {
  const side = fc.constantFrom<'a' | 'b'>('a', 'b');
  const operator = fc.constantFrom('eq', 'ne', 'lt', 'lte', 'gt', 'gte');
  // The empty text is refused: no label is.
  const text = HOSTILE.filter((value) => value !== '');
  const number = fc.oneof(fc.integer(), fc.double({ noNaN: true, min: -1e15, max: 1e15 }));
  const length = fc.oneof(fc.nat(), fc.constantFrom('0s', '1h30m', '250us', '2w3d'));
  const name = LABEL.filter((value) => value !== 'ts');
  const which = fc.constantFrom(first, last);
  const anyLabel = fc.tuple(side, name).map(([of, one]) => label(of, one));
  const oneLabel = fc.tuple(which, side, name).map(([pick, of, one]) => pick(of).label(one));
  const time = fc.oneof(
    side.map((of) => ts(of)),
    fc.tuple(which, side).map(([pick, of]) => pick(of).ts),
  );
  const counted = fc.option(side, { nil: undefined }).map((of) => count(of));
  const ofLabel = (operand: typeof anyLabel) =>
    fc.oneof(
      fc.tuple(operand, fc.constantFrom('eq', 'ne'), text).map(([l, op, v]) => l[op](v)),
      fc.tuple(operand, operator, number).map(([l, op, v]) => l[op](v)),
      fc.tuple(operand, fc.constantFrom('.*', 'a|"b"', '\\d+')).map(([l, v]) => l.matches(v)),
      fc.tuple(operand, fc.constantFrom('x', '#', '`')).map(([l, v]) => l.matchesNot(v)),
    );
  const comparison = fc.oneof(
    ofLabel(anyLabel),
    ofLabel(oneLabel),
    ofLabel(anyLabel).map(every),
    fc.tuple(time, operator, time).map(([l, op, r]) => l[op](r)),
    fc.tuple(time, time, operator, length).map(([l, r, op, v]) => l.minus(r)[op](v)),
    fc.tuple(counted, operator, number).map(([l, op, v]) => l[op](v)),
    fc.tuple(operator, length).map(([op, v]) => duration[op](v)),
    fc.tuple(operator, length, number).map(([op, v, n]) => duration.plus(v).times(n)[op](v)),
    fc.tuple(time, length, operator).map(([t, v, op]) => t.plus(v).minus(v)[op](new Date(0))),
    fc.tuple(oneLabel, oneLabel, number).map(([l, r, n]) => l.times(2).gt(r.minus(l).dividedBy(n))),
    fc.tuple(anyLabel, length).map(([l, v]) => l.gte({ duration: v })),
    fc.tuple(counted, counted).map(([l, r]) => l.dividedBy(r.plus(1)).lt(l.minus(r.minus(3)))),
  );
  const { condition } = fc.letrec<{ condition: Condition<'a' | 'b'> }>((tie) => ({
    condition: fc.oneof(
      { maxDepth: 4, withCrossShrink: true },
      comparison,
      tie('condition').map(not),
      fc.tuple(tie('condition'), tie('condition')).map(([l, r]) => l.and(r)),
      fc.tuple(tie('condition'), tie('condition')).map(([l, r]) => l.or(r)),
    ),
  }));
  fc.assert(
    fc.property(condition, (built) => {
      const query = joined.where(built).limit(3);
      const errors = validate(query).diagnostics.filter(({ severity }) => severity === 'error');
      assert.deepEqual(errors, []);
      assert.equal(treeOf(query).stages.length, 2);
      assert.equal(treeOf(query).stages[1]?.value, 'limit 3');
      assert.deepEqual(validate(format(query)).valid, true);
    }),
  );
});

test('arithmetic has the text and the brackets that it needs', () => {
  const [x, y] = [label('a', 'x'), label('b', 'x')];
  for (const [condition, text] of [
    [last('b').ts.minus(ts('a')).gt('2s'), 'last(b).ts - a.ts > 2s'],
    [last('b').ts.gt('1970-01-01T00:00:00Z'), 'last(b).ts > "1970-01-01T00:00:00Z"'],
    [ts('a').minus(new Date(0)).gt(5), 'a.ts - "1970-01-01T00:00:00.000Z" > 5ms'],
    [ts('a').plus('1s').lt(ts('b')), 'a.ts + 1s < b.ts'],
    [count('a').gt(count().dividedBy(2)), 'count(a) > count() / 2'],
    [x.plus(1).minus(x.minus(2)).gt(x.plus(3).times(2)), 'a.x + 1 - (a.x - 2) > (a.x + 3) * 2'],
    [x.times(2).dividedBy(x.times(3)).gt(1), 'a.x * 2 / (a.x * 3) > 1'],
    [duration.dividedBy(duration).eq(1), 'duration / duration = 1'],
    [duration.gt(x), 'duration > a.x'],
    [x.gt({ duration: '250ms' }), 'a.x > 250ms'],
    [x.ne(y), 'a.x != b.x'],
    [x.eq(1).or(x.eq(2)).and(y.eq(3)), '(a.x = 1 or a.x = 2) and b.x = 3'],
  ] as [Condition<'a' | 'b'>, string][]) {
    const query = joined.where(condition);
    assert.equal(treeOf(query).stages[0]?.value, `where ${text}`);
    assert.deepEqual(validate(query), { valid: true, diagnostics: [] }, text);
  }
  // Long is not deep.
  let sum = count('a').plus(0);
  let all: Condition<'a'> = sum.gt(1);
  for (let at = 0; at < 200; at += 1) {
    sum = sum.plus(at);
    all = all.or(count('a').lt(at));
  }
  assert.equal(validate(joined.where(all.and(sum.gt(5)))).valid, true);
  for (const build of [
    () => ts('a').plus(ts('b') as never),
    () => ts('a').times(2 as never),
    () => ts('a').gt(new Date(NaN)),
    () => duration.plus({} as never),
    () => count('a').minus('1s' as never),
    () => label('a', 'x').plus('y' as never),
  ]) {
    assert.throws(build, OptionError);
  }
});

test('texts and expressions are those that were given', async () => {
  await fc.assert(
    fc.asyncProperty(
      HOSTILE.filter((value) => value !== ''),
      async (value) => {
        const escaped = value.replace(/[\\^$.*+?()[\]{}|#\-&~]/g, '\\$&');
        // In selectors, in projections, in conditions: the event with this value is found, and no other.
        const engine = new CorrelationEngine();
        const event = (x: string) => ({ timestamp: 0, labels: { k: 'k', x }, message: x });
        engine.addAdapter('a', [event(value), event(`${value}!`), event(`!${value}`)]);
        engine.addAdapter('b', [{ timestamp: 0, labels: { k: 'k' } }]);
        const found = async (query: QueryInput) =>
          (await engine.run(query)).map(({ events }) => events.map((one) => one.labels['x']));
        const right = stream('b', local());
        const only = [[value, undefined]];
        for (const selector of [
          local({ x: value }),
          local({ x: ['=~', escaped] }),
          local().filter(field('x', '=', value)),
          local()
            .filter(field('x', '=~', escaped))
            .contains(value),
        ]) {
          const query = QueryBuilder.from('a', selector).and(right, { on: 'k' });
          assert.deepEqual(await found(query), only, query.toString());
          const whole = query.where(
            label('a', 'x').eq(value).and(label('a', 'x').matches(escaped)),
          );
          assert.deepEqual(await found(whole), only, whole.toString());
          assert.deepEqual(await found(query.where(label('a', 'x').ne(value))), []);
        }
        await engine.destroy();
      },
    ),
    { numRuns: 60 },
  );
});

test('a label that is called like a parser is a label', () => {
  for (const name of [
    'json',
    'logfmt',
    'json.x',
    'jsonx',
    'pattern',
    'regexp',
    'unpack',
    'drop',
    'keep',
    'or',
    'and',
  ]) {
    for (const filter of [
      field(name, '>', 5),
      field(name, '=', 'x').or(field('y', '<', 2)),
      field(name, '=~', 'x.*')
        .and(field(name, '!=', 'y'))
        .or(field(name, '>=', { duration: 3 })),
    ]) {
      const query = QueryBuilder.from('a', local().json().filter(filter)).and(b, { on: 'k' });
      assert.deepEqual(validate(query), { valid: true, diagnostics: [] }, query.toString());
    }
    const query = QueryBuilder.from('a', local().filter(field(name, '>', 5), field('z', '=', 1)));
    assert.deepEqual(validate(query.and(b, { on: 'k' })).diagnostics, []);
  }
});
