import { JoinedQuery, stream } from '../builder/index.js';
import type { JoinClauses, KeyInput, QueryBuilder as Operand, Stream } from '../builder/index.js';
import { raw } from '../builder/selector.js';
import { bad } from '../checks.js';
import type { DurationInput } from '../types.js';

interface Join {
  type: 'and' | 'or' | 'unless';
  keys: readonly string[];
  temporal?: DurationInput;
  grouping?: { side: 'left' | 'right'; labels: readonly string[] };
}

/**
 * The builder of log-correlator over that of Logbraid. A selector is taken as it is and must have its quotes
 * and parentheses paired; any other value stays a value. Throws an `OptionError` where it cannot.
 */
export class QueryBuilder {
  readonly #streams: Stream[] = [];
  readonly #joins: Join[] = [];

  /** Adds a stream: the first, or the one that the last `join` joins. */
  addStream(source: string, selector: string, timeRange?: DurationInput): this {
    this.#streams.push(stream(source, raw(selector), { range: timeRange }));
    return this;
  }

  /** Joins the streams before it with the one after it, on labels such as `user` or `session_id=trace_id`. */
  join(type: Join['type'], keys: string | readonly string[]): this {
    this.#joins.push({ type, keys: typeof keys === 'string' ? [keys] : keys });
    return this;
  }

  /** Bounds how far apart matches of the last join may be. */
  withTemporal(temporal: DurationInput): this {
    this.#last('withTemporal').temporal = temporal;
    return this;
  }

  /** Gives one result per event of a side of the last join, with labels copied from the other. */
  withGrouping(side: 'left' | 'right', labels: readonly string[] = []): this {
    this.#last('withGrouping').grouping = { side, labels };
    return this;
  }

  /** Adds a stream that has to match as well, on these keys; else on those of the join before. */
  andStream(
    source: string,
    selector: string,
    timeRange?: DurationInput,
    keys?: string | readonly string[],
  ): this {
    if (this.#joins.length < this.#streams.length) {
      this.join('and', keys ?? this.#last('andStream').keys);
    }
    return this.addStream(source, selector, timeRange);
  }

  /** The text of the query. */
  build(): string {
    const [first, ...others] = this.#streams;
    let built: Operand | undefined = first;
    for (const [at, right] of others.entries()) {
      built = built && joined(built, right, this.#joins[at]);
    }
    return built instanceof JoinedQuery && others.length === this.#joins.length
      ? built.toString()
      : bad('build', this.#streams.length, 'called with streams and a join between each two');
  }

  #last(method: string): Join {
    return this.#joins.at(-1) ?? bad(method, 'nothing', 'called after join');
  }
}

function joined(left: Operand, right: Stream, join: Join | undefined): JoinedQuery {
  const { type, keys = [], temporal, grouping } = join ?? {};
  const [first, ...more] = keys.map(keyInput);
  if (first === undefined) bad('join', keys, 'on one label at least');
  const { side, labels = [] } = grouping ?? {};
  const clauses: JoinClauses = {
    on: [first, ...more],
    ...(temporal !== undefined && { within: temporal }),
    ...(side === 'left' ? { groupLeft: labels } : side === 'right' ? { groupRight: labels } : {}),
  };
  switch (type) {
    case 'and':
      return left.and(right, clauses);
    case 'or':
      return left.or(right, clauses);
    case 'unless':
      return left.unless(right, clauses);
    default:
      return bad('join', type, 'and, or or unless');
  }
}

function keyInput(key: string): KeyInput {
  const [left = '', right, ...rest] = key.split('=').map((label) => label.trim());
  if (rest.length > 0) bad('join', key, 'a label, or two with = between them');
  return right === undefined ? left : { left, right };
}
