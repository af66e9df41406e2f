import type { DurationInput } from '../types.js';
import { conditionText } from './operand.js';
import type { Condition } from './operand.js';
import { Selector, matchers } from './selector.js';
import type { LabelMatchers } from './selector.js';
import {
  count,
  duration,
  labelName,
  name,
  onlyClauses,
  signedDuration,
  sourceName,
} from './text.js';
import { bad } from '../checks.js';

/** A key: a label both sides have, or the labels of the two sides. */
export type KeyInput<K extends string = string> = K | { readonly left: K; readonly right: K };

type OneOrMore<T> = T | readonly [T, ...T[]];

interface Bounds {
  /** How far apart matches may be; as a pair, the least and the largest `right - left`. */
  within?: DurationInput | readonly [least: DurationInput, largest: DurationInput] | undefined;
}

type Results<P extends string, K extends string> =
  | { pick?: P | undefined; groupLeft?: never; groupRight?: never }
  | { groupLeft: readonly K[]; pick?: never; groupRight?: never }
  | { groupRight: readonly K[]; pick?: never; groupLeft?: never };

type Clauses<P extends string, K extends string> = Bounds &
  (
    | ({ on: OneOrMore<KeyInput<K>>; ignoring?: never } & Results<P, K>)
    | ({ ignoring: OneOrMore<string>; on?: never } & Results<P, string>)
  );

/**
 * The clauses of a join. Keys are named (`on`) or all labels but some (`ignoring`). Results are what
 * is connected, by a policy (`pick`), or one per event of a side (`groupLeft`, `groupRight`: the
 * labels to copy from the other side, perhaps none). `K` names what is joined on and copied.
 */
export type JoinClauses<K extends string = string> = Clauses<'session' | 'pairs' | 'first', K>;

/** The clauses of a join that knows which side comes first. */
export type OrderedClauses<K extends string = string> = Clauses<
  'session' | 'pairs' | 'first' | 'latest',
  K
>;

/** Range and name of a stream. */
export interface StreamClauses<A extends string = string> {
  /** How far back to read, and how long an event stays joinable. Default: that of the engine. */
  range?: DurationInput | undefined;
  /** What to call the stream. Default: the name of its source. */
  as?: A | undefined;
}

/**
 * A query in the making: one stream ({@link Stream}), or several that are joined
 * ({@link JoinedQuery}), which is a query. Never changed by a call; each gives a new one. Whatever a
 * value holds, it stays a value: texts are escaped, and what cannot be is refused with an
 * `OptionError`. `N` names its streams, so that a stage about another does not compile; where names are
 * not known before the program runs, it is `string`.
 */
export abstract class QueryBuilder<N extends string = string, K extends string = string> {
  declare readonly streams?: N;
  declare readonly labels?: readonly K[];

  /** @internal */
  protected abstract readonly text: string;
  /** @internal */
  protected abstract readonly named: readonly Named[];

  /** Begins with a stream. */
  static from<S extends string, A extends string = S>(
    source: SourceName<S>,
    selector: Selector,
    clauses: StreamClauses<A> = {},
  ): Stream<NoInfer<A>> {
    return stream<S, A>(source, selector, clauses);
  }

  /** Both sides. */
  and<M extends string, R extends string, L extends string = string>(
    right: QueryBuilder<M, R>,
    clauses: JoinClauses<L>,
  ): JoinedQuery<N | M, K | R | L> {
    return this.#join('and', right, clauses);
  }

  /** The left side, with or without the right. */
  or<M extends string, R extends string, L extends string = string>(
    right: QueryBuilder<M, R>,
    clauses: JoinClauses<L>,
  ): JoinedQuery<N | M, K | R | L> {
    return this.#join('or', right, clauses);
  }

  /** Either side, with or without the other. */
  outer<M extends string, R extends string, L extends string = string>(
    right: QueryBuilder<M, R>,
    clauses: JoinClauses<L>,
  ): JoinedQuery<N | M, K | R | L> {
    return this.#join('outer', right, clauses);
  }

  /** The left side without the right. */
  unless<M extends string, R extends string, L extends string = string>(
    right: QueryBuilder<M, R>,
    clauses: JoinClauses<L>,
  ): JoinedQuery<N | M, K | R | L> {
    return this.#join('unless', right, clauses);
  }

  /** The operator `then`: the right side after the left. Not called so, or `await` would call it. */
  followedBy<M extends string, R extends string, L extends string = string>(
    right: QueryBuilder<M, R>,
    clauses: OrderedClauses<L>,
  ): JoinedQuery<N | M, K | R | L> {
    return this.#join('then', right, clauses);
  }

  /** The operator `then not`: the left side, and no right side after it. */
  notFollowedBy<M extends string, R extends string, L extends string = string>(
    right: QueryBuilder<M, R>,
    clauses: JoinClauses<L>,
  ): JoinedQuery<N | M, K | R | L> {
    return this.#join('then not', right, clauses);
  }

  #join(kind: string, right: QueryBuilder, clauses: OrderedClauses): JoinedQuery<never, never> {
    if (!(right instanceof QueryBuilder)) {
      bad('right', right, 'a stream or a join, without stages');
    }
    const { text } = right;
    const operand = right instanceof JoinedQuery ? `(${text})` : text;
    const joined = [this.text, kind, ...clauseTexts(kind, clauses), operand].join(' ');
    return new JoinedQuery(joined, distinctStreams(this.named, right.named));
  }
}

/** A stream of a query: what it is called, and what it reads. */
interface Named {
  readonly name: string;
  readonly isAlias: boolean;
  readonly source: string;
}

/** Streams that are called by their source may share it: they are told apart by position. */
function distinctStreams(left: readonly Named[], right: readonly Named[]): readonly Named[] {
  for (const { name, isAlias, source } of right) {
    const clashes = left.some(
      (other) => other.name === name && ((isAlias && other.isAlias) || other.source !== source),
    );
    if (clashes) bad('as', name, 'a name that no other stream of the query has');
  }
  return [...left, ...right];
}

/** The words of joins, in lower case. */
type JoinWord =
  | 'and'
  | 'or'
  | 'outer'
  | 'unless'
  | 'then'
  | 'not'
  | 'on'
  | 'ignoring'
  | 'within'
  | 'pick'
  | 'group_left'
  | 'group_right';

/** What can be the name of a source. */
type SourceName<S extends string> = Lowercase<S> extends JoinWord ? never : S;

/** What a stage may call a stream: its alias or source, or `source#position`. */
export type StreamName<N extends string> = N | `${string}#${number}`;

/** What can be selected: what is joined on or copied, or a label of a stream. */
export type Field<N extends string, K extends string> = K | `${StreamName<N>}.${string}`;

/** One stream, which is no query until it is joined. */
export class Stream<N extends string = string> extends QueryBuilder<N, never> {
  protected readonly text: string;
  protected readonly named: readonly Named[];

  /** @internal */
  constructor(text: string, named: readonly Named[]) {
    super();
    this.text = text;
    this.named = named;
  }
}

/** A stream, to begin with or to join. */
export function stream<S extends string, A extends string = S>(
  source: SourceName<S>,
  selector: Selector,
  clauses: StreamClauses<A> = {},
): Stream<NoInfer<A>> {
  if (!(selector instanceof Selector)) {
    bad('selector', selector, 'made by local() or raw()');
  }
  onlyClauses(clauses, ['range', 'as']);
  const { range, as } = clauses;
  const ranged = range === undefined ? '' : `[${duration('range', range)}]`;
  const named = as === undefined ? '' : ` as ${name('as', as)}`;
  return new Stream(`${sourceName('source', source)}(${selector.text})${ranged}${named}`, [
    { name: as ?? source, isAlias: as !== undefined, source },
  ]);
}

/** Streams that are joined: a query that more can be joined to. */
export class JoinedQuery<N extends string = string, K extends string = string> extends QueryBuilder<
  N,
  K
> {
  protected readonly text: string;
  protected readonly named: readonly Named[];

  /** @internal */
  constructor(text: string, named: readonly Named[]) {
    super();
    this.text = text;
    this.named = named;
  }

  /** Keeps the events with these labels. */
  project(labels: LabelMatchers): StagedQuery<N, K> {
    const text = matchers(labels);
    if (text === '') bad('project', '{}', 'one label at least');
    return new StagedQuery(`${this.text} {${text}}`);
  }

  /** Keeps the correlations of which a condition holds. */
  where(condition: Condition<StreamName<N>>): StagedQuery<N, K> {
    return new StagedQuery<N, K>(this.text).where(condition);
  }

  /** Gives correlations exactly these labels. */
  select(...fields: [Field<N, K>, ...Field<N, K>[]]): SelectedQuery<N> {
    return new StagedQuery<N, K>(this.text).select(...fields);
  }

  /** Keeps the first `n` correlations. */
  limit(n: number): StagedQuery<N, K> {
    return new StagedQuery<N, K>(this.text).limit(n);
  }

  /** The text of the query. */
  override toString(): string {
    return this.text;
  }
}

/** A query with its labels selected, to whose joins nothing can be added. */
export class SelectedQuery<N extends string = string> {
  declare readonly streams?: N;
  readonly #text: string;

  /** @internal */
  constructor(text: string) {
    this.#text = text;
  }

  /** Keeps the correlations of which a condition holds. */
  where(condition: Condition<StreamName<N>>): this {
    return this.#with(`where ${conditionText('where', condition)}`);
  }

  /** Keeps the first `n` correlations. */
  limit(n: number): this {
    return this.#with(`limit ${count('limit', n)}`);
  }

  /** The text of the query. */
  toString(): string {
    return this.#text;
  }

  #with(stage: string): this {
    const Same = this.constructor as new (text: string) => this;
    return new Same(`${this.#text} | ${stage}`);
  }
}

/** A query to whose joins nothing can be added; stages can, in any order, and they apply in that order. */
export class StagedQuery<
  N extends string = string,
  K extends string = string,
> extends SelectedQuery<N> {
  declare readonly labels?: readonly K[];

  /** Gives correlations exactly these labels: a key, a copied label, or `stream.label`. */
  select(...fields: [Field<N, K>, ...Field<N, K>[]]): SelectedQuery<N> {
    return new SelectedQuery(`${this.toString()} | select ${listed('select', fields, selected)}`);
  }
}

/** A query: built, or as text. */
export type QueryInput = string | JoinedQuery | SelectedQuery;

/** The text of a query, however it is given. */
export function queryText(query: QueryInput): string {
  const built = query instanceof JoinedQuery || query instanceof SelectedQuery;
  return typeof query === 'string' || built
    ? query.toString()
    : bad('query', query, 'a text or a built query; one stream is none until it is joined');
}

function selected(value: string): string {
  if (/^[^.]+\.ts$/.test(value)) bad('select', value, 'a label; results have times anyway');
  const match = /^([A-Za-z_][A-Za-z0-9_]*#[0-9]+\.)?(.*)$/s.exec(value);
  return `${match?.[1] ?? ''}${labelName('select', match?.[2])}`;
}

function clauseTexts(kind: string, clauses: OrderedClauses): string[] {
  onlyClauses(clauses, ['on', 'ignoring', 'within', 'pick', 'groupLeft', 'groupRight']);
  const { on, ignoring, within, pick, groupLeft, groupRight } = clauses;
  const texts: string[] = [];
  const results = [pick, groupLeft, groupRight].filter((clause) => clause !== undefined);
  if (results.length > 1) bad('pick', pick, 'the only one of pick, groupLeft and groupRight');
  const keys = on === undefined ? undefined : `on(${listed('on', on, keyText)})`;
  if ((keys === undefined) === (ignoring === undefined)) bad('on', on, 'given, or else ignoring');
  const label = (value: string) => labelName('ignoring', value);
  texts.push(keys ?? `ignoring(${listed('ignoring', ignoring ?? '', label)})`);
  if (within !== undefined) texts.push(`within(${bounds(within)})`);
  if (pick !== undefined) {
    const known = kind === 'then' ? [...POLICIES, 'latest'] : POLICIES;
    if (!known.includes(pick)) bad('pick', pick, `one of ${known.join(', ')}`);
    texts.push(`pick(${pick})`);
  }
  if (groupLeft !== undefined) texts.push(`group_left(${labelList('groupLeft', groupLeft)})`);
  if (groupRight !== undefined) texts.push(`group_right(${labelList('groupRight', groupRight)})`);
  return texts;
}

const POLICIES = ['session', 'pairs', 'first'];

function bounds(within: DurationInput | readonly [DurationInput, DurationInput]): string {
  if (!Array.isArray(within)) return duration('within', within as DurationInput);
  const given = within as readonly DurationInput[];
  return given.length === 2
    ? given.map((bound) => signedDuration('within', bound)).join(', ')
    : bad('within', within, 'one duration, or the least and the largest');
}

function keyText(key: KeyInput): string {
  if (typeof key !== 'object' || (key as unknown) === null) return labelName('on', key);
  return `${labelName('on', key.left)}=${labelName('on', key.right)}`;
}

function labelList(option: string, labels: readonly string[]): string {
  if (!Array.isArray(labels)) bad(option, labels, 'an array of labels, perhaps empty');
  return distinct(
    option,
    labels.map((one) => labelName(option, one)),
  );
}

function listed<T>(option: string, given: OneOrMore<T>, text: (one: T) => string): string {
  const all = Array.isArray(given) ? (given as readonly T[]) : [given as T];
  return all.length > 0 ? distinct(option, all.map(text)) : bad(option, '[]', 'one label at least');
}

function distinct(option: string, texts: readonly string[]): string {
  const twice = texts.find((text, at) => texts.indexOf(text) !== at);
  return twice === undefined ? texts.join(', ') : bad(option, twice, 'given once');
}
