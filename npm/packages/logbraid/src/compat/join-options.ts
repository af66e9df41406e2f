import { JoinedQuery, stream } from '../builder/index.js';
import type { JoinClauses, KeyInput, QueryBuilder } from '../builder/index.js';
import { local } from '../builder/selector.js';
import { bad } from '../checks.js';
import type { DurationInput, LabelValue, LogEvent } from '../types.js';
import { splitOptions } from './options.js';
import type { CorrelationEngineOptions } from './options.js';

/** Labels that hold the same thing on the two sides. */
export interface LabelMapping {
  left: string;
  right: string;
}

/** Options of a `StreamJoiner`: how streams are joined, and those of the engine that does it. */
export interface StreamJoinerOptions extends Omit<CorrelationEngineOptions, 'joinType'> {
  /**
   * `inner` (or `and`): both sides; `left` (or `or`): the left one, with or without the right; `outer`:
   * either; `unless`: the left without the right. Default `inner`.
   */
  joinType?: 'inner' | 'left' | 'outer' | 'and' | 'or' | 'unless' | undefined;
  /** The labels to join on; all of them have to agree. */
  joinKeys?: readonly string[] | undefined;
  /** The most that matches may be apart, a duration. Default: what `timeWindow` allows. */
  temporal?: DurationInput | undefined;
  /**
   * Other names of keys. Those whose `left` is one of `joinKeys` say what that is on the right; the others
   * are one more key. Where there are several for one key, that of an event is the first it has.
   */
  labelMappings?: readonly LabelMapping[] | undefined;
  /** Keeps the events with these labels, such as `{status=~"5.."}`. */
  filter?: string | undefined;
  /** One result per event of a side, and the labels copied from the other. */
  grouping?: { side: 'left' | 'right'; labels?: readonly string[] } | undefined;
  /** Without `joinKeys`: all labels but these have to agree. */
  ignoring?: readonly string[] | undefined;
}

/** A key as both sides may call it. */
interface Key {
  left: readonly string[];
  right: readonly string[];
}

/** How streams are joined, apart from the options of the engine that does it. */
export interface Join {
  engine: CorrelationEngineOptions;
  /** The text of the query that joins sources of these names, in their order. */
  query: (sources: readonly string[], names: readonly string[]) => string;
  /** An event of the left-most stream, or of another, with keys that have several names. */
  keyed: (event: LogEvent, isLeft: boolean) => LogEvent;
  /** Whether {@link keyed} changes anything. */
  isKeyed: boolean;
}

/** Reads the options of a joiner; throws an `OptionError` at what makes no sense. */
export function readJoin(options: StreamJoinerOptions): Join {
  const { joinType, joinKeys = [], temporal, labelMappings = [], filter, ...others } = options;
  const { grouping, ignoring, timeWindow, ...engine } = others;
  const keys = keysOf(joinKeys, labelMappings);
  const results = groupingOf(grouping);
  const bounds = temporal === undefined ? {} : { within: temporal };
  const [first, ...more] = keys.map(keyInput);
  const [ignored, ...alsoIgnored] = ignoring ?? [];
  const clauses = first
    ? { on: [first, ...more] as const, ...bounds, ...results }
    : ignored !== undefined
      ? { ignoring: [ignored, ...alsoIgnored] as const, ...bounds, ...results }
      : bad('joinKeys', joinKeys, 'one label at least, where there is no ignoring');
  const several = keys.filter(hasSeveral);
  const join: Join = {
    engine: { ...engine, ...(timeWindow !== undefined && { timeWindow }) },
    query: (sources, names) => {
      const [left, ...rights] = sources.map((source, at) => {
        return stream(source, local(), { as: names[at] });
      });
      if (!left) bad('streams', sources, 'two at least');
      let joined: QueryBuilder = left;
      for (const right of rights) joined = joinedAs(joinType, joined, right, clauses);
      if (!(joined instanceof JoinedQuery)) bad('streams', sources, 'two at least');
      return filter === undefined ? joined.toString() : `${joined.toString()} ${braced(filter)}`;
    },
    keyed: (event, isLeft) => {
      const found = several.flatMap((key) => {
        const labels = isLeft ? key.left : key.right;
        const values = labels.map((label) => valueOf(event, label));
        const value = values.find((one) => one !== undefined);
        return value === undefined ? [] : [[nameOf(key, isLeft), value] as const];
      });
      return { ...event, joinKeys: { ...event.joinKeys, ...Object.fromEntries(found) } };
    },
    isKeyed: several.length > 0,
  };
  // What is wrong is told now, and not when events are joined.
  splitOptions(join.engine);
  join.query(['a', 'b'], ['a', 'b']);
  return join;
}

function joinedAs(
  joinType: StreamJoinerOptions['joinType'],
  left: QueryBuilder,
  right: QueryBuilder,
  clauses: JoinClauses,
): QueryBuilder {
  switch (joinType ?? 'inner') {
    case 'inner':
    case 'and':
      return left.and(right, clauses);
    case 'left':
    case 'or':
      return left.or(right, clauses);
    case 'outer':
      return left.outer(right, clauses);
    case 'unless':
      return left.unless(right, clauses);
    default:
      return bad('joinType', joinType, 'inner, left, outer, and, or or unless');
  }
}

function groupingOf(grouping: StreamJoinerOptions['grouping']) {
  if (!grouping) return {};
  const { side, labels = [] } = grouping;
  switch (side) {
    case 'left':
      return { groupLeft: labels };
    case 'right':
      return { groupRight: labels };
    default:
      return bad('grouping', side, 'of the side left or right');
  }
}

function keysOf(joinKeys: readonly string[], mappings: readonly LabelMapping[]): Key[] {
  const keys = joinKeys.map((label): Key => {
    const rights = mappings.filter(({ left }) => left === label).map(({ right }) => right);
    return { left: [label], right: rights.length > 0 ? rights : [label] };
  });
  const others = mappings.filter(({ left }) => !joinKeys.includes(left));
  if (others.length > 0) {
    keys.push({ left: others.map(({ left }) => left), right: others.map(({ right }) => right) });
  }
  return keys;
}

function hasSeveral({ left, right }: Key): boolean {
  return left.length > 1 || right.length > 1;
}

function keyInput(key: Key): KeyInput {
  const left = nameOf(key, true);
  const right = nameOf(key, false);
  return left === right ? left : { left, right };
}

/** What a key is called in the query: its label, or a name of its own where it has several. */
function nameOf(key: Key, isLeft: boolean): string {
  const [label = ''] = isLeft ? key.left : key.right;
  return hasSeveral(key) ? `mapped.${isLeft ? 'left' : 'right'}.${label}` : label;
}

/** Labels go before keys; empty text is missing, as everywhere. */
function valueOf({ labels, joinKeys }: LogEvent, name: string): LabelValue {
  const present = [labels, joinKeys].map((all) =>
    all && Object.hasOwn(all, name) ? all[name] : '',
  );
  return present.find((value) => value !== undefined && value !== null && value !== '');
}

function braced(filter: string): string {
  const text = filter.trim();
  return text.startsWith('{') ? text : `{${text}}`;
}
