// Queries that make no sense do not compile. Checked by the compiler; never run.
/* eslint-disable @typescript-eslint/no-unsafe-call, @typescript-eslint/no-unsafe-class-instance-assignment --
   What does not compile has no types to be safe with. */
import type { CorrelationEngine } from 'logbraid';
import { QueryBuilder, duration, field, label, local, stream, ts } from 'logbraid';

declare const engine: CorrelationEngine;
const a = QueryBuilder.from('a', local());
const b = stream('b', local());
const on = { on: 'k' } as const;
const joined = a.and(b, on);

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
// @ts-expect-error One limit.
joined.limit(1).limit(2);
// @ts-expect-error One selection.
joined.select('k').select('j');
// @ts-expect-error Conditions come before the selection.
joined.select('k').where(label('a', 'x').eq('y'));
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

// And what makes sense does.
void engine.run(a.followedBy(b, { on: 'k', pick: 'latest', within: ['0s', 5_000] }));
void engine.run(
  joined
    .project({ x: ['=~', 'y'] })
    .where(duration.gt('3s'))
    .select('k')
    .limit(3),
);
