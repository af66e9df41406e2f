import type { DurationInput } from '../types.js';
import type { Condition } from './condition.js';
import { matchers } from './selector.js';
import type { LabelMatchers, Selector } from './selector.js';
import { count, duration, labelName, name, refuse, signedDuration, sourceName } from './text.js';

/** A key: a label both sides have, or the labels of the two sides. */
export type KeyInput = string | { readonly left: string; readonly right: string };

type OneOrMore<T> = T | readonly [T, ...T[]];

type Keys =
  { on: OneOrMore<KeyInput>; ignoring?: never } | { ignoring: OneOrMore<string>; on?: never };

interface Bounds {
  /** How far apart matches may be; as a pair, the least and the largest `right - left`. */
  within?: DurationInput | readonly [least: DurationInput, largest: DurationInput] | undefined;
}

type Results<P extends string> =
  | { pick?: P | undefined; groupLeft?: never; groupRight?: never }
  | { groupLeft: readonly string[]; pick?: never; groupRight?: never }
  | { groupRight: readonly string[]; pick?: never; groupLeft?: never };

/**
 * The clauses of a join. Keys are named (`on`) or all labels but some (`ignoring`). Results are what
 * is connected, by a policy (`pick`), or one per event of a side (`groupLeft`, `groupRight`: the
 * labels to copy from the other side, perhaps none).
 */
export type JoinClauses = Keys & Bounds & Results<'session' | 'pairs' | 'first'>;

/** The clauses of a join that knows which side comes first. */
export type OrderedClauses = Keys & Bounds & Results<'session' | 'pairs' | 'first' | 'latest'>;

/** Range and name of a stream. */
export interface StreamClauses {
  /** How far back to read, and how long an event stays joinable. Default: that of the engine. */
  range?: DurationInput | undefined;
  /** What to call the stream. Default: the name of its source. */
  as?: string | undefined;
}

/**
 * A query in the making: one stream ({@link Stream}), or several that are joined
 * ({@link JoinedQuery}), which is a query. Never changed by a call; each gives a new one. Whatever a
 * value holds, it stays a value: texts are escaped, and what cannot be is refused with an
 * `OptionError`.
 */
export abstract class QueryBuilder {
  /** @internal */
  protected abstract readonly text: string;

  /** Begins with a stream. */
  static from(source: string, selector: Selector, clauses: StreamClauses = {}): Stream {
    return stream(source, selector, clauses);
  }

  /** Both sides. */
  and(right: QueryBuilder, clauses: JoinClauses): JoinedQuery {
    return this.#join('and', right, clauses);
  }

  /** The left side, with or without the right. */
  or(right: QueryBuilder, clauses: JoinClauses): JoinedQuery {
    return this.#join('or', right, clauses);
  }

  /** Either side, with or without the other. */
  outer(right: QueryBuilder, clauses: JoinClauses): JoinedQuery {
    return this.#join('outer', right, clauses);
  }

  /** The left side without the right. */
  unless(right: QueryBuilder, clauses: JoinClauses): JoinedQuery {
    return this.#join('unless', right, clauses);
  }

  /** The operator `then`: the right side after the left. Not called so, or `await` would call it. */
  followedBy(right: QueryBuilder, clauses: OrderedClauses): JoinedQuery {
    return this.#join('then', right, clauses);
  }

  /** The operator `then not`: the left side, and no right side after it. */
  notFollowedBy(right: QueryBuilder, clauses: JoinClauses): JoinedQuery {
    return this.#join('then not', right, clauses);
  }

  #join(kind: string, right: QueryBuilder, clauses: OrderedClauses): JoinedQuery {
    const { text } = right;
    const operand = right instanceof JoinedQuery ? `(${text})` : text;
    return new JoinedQuery([this.text, kind, ...clauseTexts(kind, clauses), operand].join(' '));
  }
}

/** One stream, which is no query until it is joined. */
export class Stream extends QueryBuilder {
  protected readonly text: string;

  /** @internal */
  constructor(text: string) {
    super();
    this.text = text;
  }
}

/** A stream, to begin with or to join. */
export function stream(source: string, selector: Selector, clauses: StreamClauses = {}): Stream {
  const { range, as } = clauses;
  const ranged = range === undefined ? '' : `[${duration('range', range)}]`;
  const named = as === undefined ? '' : ` as ${name('as', as)}`;
  return new Stream(`${sourceName(source)}(${selector.text})${ranged}${named}`);
}

/** Streams that are joined: a query that more can be joined to. */
export class JoinedQuery extends QueryBuilder {
  protected readonly text: string;

  /** @internal */
  constructor(text: string) {
    super();
    this.text = text;
  }

  /** Keeps the events with these labels. */
  project(labels: LabelMatchers): StagedQuery {
    const text = matchers(labels);
    if (text === '') refuse('project', '{}', 'one label at least');
    return new StagedQuery(`${this.text} {${text}}`);
  }

  /** Keeps the correlations of which a condition holds. */
  where(condition: Condition): StagedQuery {
    return new StagedQuery(this.text).where(condition);
  }

  /** Gives correlations exactly these labels. */
  select(...fields: [string, ...string[]]): SelectedQuery {
    return new StagedQuery(this.text).select(...fields);
  }

  /** Ends the query with its first `n` correlations. */
  limit(n: number): LimitedQuery {
    return new StagedQuery(this.text).limit(n);
  }

  /** The text of the query. */
  override toString(): string {
    return this.text;
  }
}

/** A query that nothing can be added to. */
export class LimitedQuery {
  readonly #text: string;

  /** @internal */
  constructor(text: string) {
    this.#text = text;
  }

  /** The text of the query. */
  toString(): string {
    return this.#text;
  }
}

/** A query with its labels selected. */
export class SelectedQuery extends LimitedQuery {
  /** Ends the query with its first `n` correlations. */
  limit(n: number): LimitedQuery {
    return new LimitedQuery(`${this.toString()} | limit ${count('limit', n)}`);
  }
}

/** A query to whose joins nothing can be added. */
export class StagedQuery extends SelectedQuery {
  /** Keeps the correlations of which a condition holds. */
  where(condition: Condition): StagedQuery {
    return new StagedQuery(`${this.toString()} | where ${condition.text}`);
  }

  /** Gives correlations exactly these labels: a key, a copied label, or `stream.label`. */
  select(...fields: [string, ...string[]]): SelectedQuery {
    return new SelectedQuery(`${this.toString()} | select ${fields.map(selected).join(', ')}`);
  }
}

/** A query: built, or as text. */
export type QueryInput = string | JoinedQuery | LimitedQuery;

/** The text of a query, however it is given. */
export function queryText(query: QueryInput): string {
  const built = query instanceof JoinedQuery || query instanceof LimitedQuery;
  return typeof query === 'string' || built
    ? query.toString()
    : refuse('query', query, 'a text or a built query; one stream is none until it is joined');
}

function selected(value: string): string {
  const match = /^([A-Za-z_][A-Za-z0-9_]*#[0-9]+\.)?(.*)$/s.exec(value);
  return `${match?.[1] ?? ''}${labelName('select', match?.[2])}`;
}

function clauseTexts(kind: string, clauses: OrderedClauses): string[] {
  const { on, ignoring, within, pick, groupLeft, groupRight } = clauses;
  const texts: string[] = [];
  const results = [pick, groupLeft, groupRight].filter((clause) => clause !== undefined);
  if (results.length > 1) refuse('pick', pick, 'the only one of pick, groupLeft and groupRight');
  const keys = on === undefined ? undefined : `on(${listed('on', on, keyText)})`;
  if ((keys === undefined) === (ignoring === undefined))
    refuse('on', on, 'given, or else ignoring');
  const label = (value: string) => labelName('ignoring', value);
  texts.push(keys ?? `ignoring(${listed('ignoring', ignoring ?? '', label)})`);
  if (within !== undefined) texts.push(`within(${bounds(within)})`);
  if (pick !== undefined) {
    const known = kind === 'then' ? [...POLICIES, 'latest'] : POLICIES;
    if (!known.includes(pick)) refuse('pick', pick, `one of ${known.join(', ')}`);
    texts.push(`pick(${pick})`);
  }
  if (groupLeft) texts.push(`group_left(${labelList('groupLeft', groupLeft)})`);
  if (groupRight) texts.push(`group_right(${labelList('groupRight', groupRight)})`);
  return texts;
}

const POLICIES = ['session', 'pairs', 'first'];

function bounds(within: DurationInput | readonly [DurationInput, DurationInput]): string {
  return typeof within === 'object'
    ? within.map((bound) => signedDuration('within', bound)).join(', ')
    : duration('within', within);
}

function keyText(key: KeyInput): string {
  if (typeof key !== 'object') return labelName('on', key);
  return `${labelName('on', key.left)}=${labelName('on', key.right)}`;
}

function labelList(option: string, labels: readonly string[]): string {
  return distinct(
    option,
    labels.map((one) => labelName(option, one)),
  );
}

function listed<T>(option: string, given: OneOrMore<T>, text: (one: T) => string): string {
  const all = Array.isArray(given) ? (given as readonly T[]) : [given as T];
  return all.length > 0
    ? distinct(option, all.map(text))
    : refuse(option, '[]', 'one label at least');
}

function distinct(option: string, texts: readonly string[]): string {
  const twice = texts.find((text, at) => texts.indexOf(text) !== at);
  return twice === undefined ? texts.join(', ') : refuse(option, twice, 'given once');
}
