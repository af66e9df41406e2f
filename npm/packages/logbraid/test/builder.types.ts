// What the compiler refuses of queries that make no sense. Checked by the compiler; never run.
/* eslint-disable @typescript-eslint/no-unsafe-call, @typescript-eslint/no-unsafe-class-instance-assignment --
   What does not compile has no types to be safe with. */
import type { CorrelationEngine } from 'logbraid';
import {
  QueryBuilder,
  count,
  duration,
  every,
  field,
  first,
  label,
  last,
  local,
  not,
  stream,
  ts,
  value,
} from 'logbraid';

declare const engine: CorrelationEngine;
const a = QueryBuilder.from('a', local());
const b = stream('b', local());
const on = { on: 'k' } as const;
const joined = a.and(b, on);

// @ts-expect-error A word of joins names no source.
stream('Unless', local());
stream('select', local());
// @ts-expect-error One stream is no query.
void engine.run(a);
// @ts-expect-error A selector says of whom it is.
stream('a', '{}');
// @ts-expect-error A join has keys.
a.and(b, {});
// @ts-expect-error There is a key at least.
a.and(b, { on: [] });
// @ts-expect-error Keys are named or ignored.
a.and(b, { on: 'k', ignoring: 'j' });
// @ts-expect-error Only an order knows what is the latest.
a.and(b, { on: 'k', pick: 'latest' });
// @ts-expect-error Absence picks no latest.
a.notFollowedBy(b, { on: 'k', pick: 'latest' });
// @ts-expect-error A policy or a group.
a.and(b, { on: 'k', pick: 'pairs', groupLeft: [] });
// @ts-expect-error A group on one side.
a.and(b, { on: 'k', groupLeft: [], groupRight: [] });
// @ts-expect-error Two bounds at most.
a.and(b, { on: 'k', within: ['1s', '2s', '3s'] });
// @ts-expect-error A clause is given once.
a.and(b, { on: 'k', on: 'j' });
// @ts-expect-error Stages follow a join.
a.where(label('a', 'x').eq('y'));
// @ts-expect-error Nothing is joined behind a stage.
joined.limit(1).and(b, on);
// @ts-expect-error A query with stages is no operand.
a.and(joined.limit(1), on);
// @ts-expect-error One selection.
joined.select('k').select('j');
// @ts-expect-error One projection.
joined.project({ x: 'y' }).project({ x: 'y' });
// @ts-expect-error Something is selected.
joined.select();
// @ts-expect-error A condition compares.
joined.where(label('a', 'x'));
// @ts-expect-error A time is no number.
ts('a').gt(5);
// @ts-expect-error Only labels match expressions.
duration.matches('x');
// @ts-expect-error A field is not compared with a text by size.
field('x', '>', 'y');

// @ts-expect-error The query has no such stream.
joined.where(label('c', 'x').eq('y'));
// @ts-expect-error One of them it has.
joined.where(label('a', 'x').eq('y').and(count('c').gt(1)));
// @ts-expect-error Nor is it there to be compared with.
joined.where(ts('a').lt(last('c').ts));
// @ts-expect-error Nor to be computed with.
joined.where(ts('b').minus(ts('c')).gt('2s'));
// @ts-expect-error Nor inside of other conditions.
joined.limit.bind(joined.where(not(every(label('c', 'x').eq('y')))));
// @ts-expect-error A stream with an alias is called by it.
stream('a', local(), { as: 'x' }).and(b, on).where(label('a', 'x').eq('y'));
// @ts-expect-error Nothing of it can be selected.
joined.select('c.x');
// @ts-expect-error Nor what is neither joined on nor copied.
joined.select('j');
// @ts-expect-error Times are not added.
ts('a').plus(ts('b'));
// @ts-expect-error Nor multiplied.
ts('a').times(2);
// @ts-expect-error A duration is no number.
duration.gt(count('a'));
// @ts-expect-error Nor is a number a duration.
count('a').plus('2s');
// @ts-expect-error Texts have no order.
label('a', 'x').lt('y');
// @ts-expect-error Nothing is added to a text.
label('a', 'x').plus('y');
// @ts-expect-error Only labels match expressions.
label('a', 'x').plus(1).matches('y');
// @ts-expect-error A difference of times is no time.
ts('a').minus(ts('b')).gt(ts('a'));

// @ts-expect-error Of every event one thing is said.
every(label('a', 'x').eq('1').and(label('a', 'y').eq('1')));
// @ts-expect-error And not the opposite of one.
every(not(label('a', 'x').eq('1')));
// @ts-expect-error A count is not one of each event.
every(count('a').gt(1));
// @ts-expect-error The first event is one already.
every(first('a').label('x').eq('1'));
// @ts-expect-error The time of a stream is that of its first event.
every(ts('a').gt(new Date(0)));
every(label('a', 'x').plus(label('a', 'y')).gt(first('b').label('x').times(2)));
// @ts-expect-error The time is no label.
first('a').label('ts');

// @ts-expect-error A time is no label.
label('a', 'ts');

// And what makes sense does.
joined
  .limit(1)
  .where(label('a', 'x').eq('y'))
  .limit(2)
  .select('k')
  .where(count('b').gt(1))
  .limit(1);
joined.where(
  value(10)
    .minus(count('a'))
    .gt(1)
    .and(value(1).dividedBy(label('a', 'x')).gt(2)),
);
declare const anyName: string;
joined.where(label(anyName as 'a', 'x').eq('y'));
stream(anyName, local()).and(b, on).where(count(anyName).gt(1)).select(`${anyName}.x`);
joined.where(
  ts('b')
    .minus(ts('a'))
    .gt('2s')
    .and(label('b#2', 'x').gt({ duration: '2s' })),
);
joined.where(
  ts('a')
    .plus(duration.times(2))
    .lt(new Date())
    .or(count().gt(label('a', 'x').plus(1))),
);
joined.where(duration.dividedBy(ts('b').minus(ts('a'))).gte(label('a', 'x').dividedBy(3)));
a.and(stream('c', local()), { on: ['k', { left: 'i', right: 'i.d' }], groupLeft: ['team'] })
  .or(b, on)
  .where(count('c').gt(count('b')))
  .select('k', 'i', 'team', 'c.x', 'a#1.x');
a.and(b, { ignoring: 'host' }).select('anything');
void engine.run(a.followedBy(b, { on: 'k', pick: 'latest', within: ['0s', 5_000] }));
void engine.run(
  joined
    .project({ x: ['=~', 'y'] })
    .where(duration.gt('3s'))
    .select('k')
    .limit(3),
);
