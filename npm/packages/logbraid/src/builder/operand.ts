import type { DurationInput } from '../types.js';
import { toNanos } from '../time.js';
import { bad } from '../checks.js';
import { number, quoted, signedDuration } from './text.js';

/**
 * The sort of an operand: `computed` is what has been computed from labels alone, a number or a
 * duration as its surroundings want.
 */
export type Kind = 'number' | 'duration' | 'time' | 'label' | 'computed';

/** A duration where a number would be one: beside a label. */
export interface DurationLiteral {
  readonly duration: DurationInput;
}

/** Literals that something is compared with. Texts beside a time are RFC 3339. */
interface Literals {
  number: number;
  duration: DurationInput;
  time: Date | string;
  label: string | number | DurationLiteral;
  computed: number | DurationLiteral;
}

/** The same by `<`, `<=`, `>`, `>=`: texts have no order. */
interface OrderedLiterals extends Omit<Literals, 'label'> {
  label: number | DurationLiteral;
}

/** What something is compared with. */
interface Beside {
  number: 'number' | 'label' | 'computed';
  duration: 'duration' | 'label' | 'computed';
  time: 'time';
  label: 'label' | 'computed' | 'number' | 'duration';
  computed: 'label' | 'computed' | 'number' | 'duration';
}

interface LabelSums {
  number: 'number';
  duration: 'duration';
  label: 'computed';
  computed: 'computed';
}

interface Differences {
  number: { number: 'number'; label: 'number'; computed: 'number' };
  duration: { duration: 'duration'; label: 'duration'; computed: 'duration' };
  time: { duration: 'time'; label: 'time'; computed: 'time'; time: 'duration' };
  label: LabelSums;
  computed: LabelSums;
}

interface Sums extends Omit<Differences, 'time'> {
  duration: Differences['duration'] & { time: 'time' };
  time: Omit<Differences['time'], 'time'>;
  label: LabelSums & { time: 'time' };
  computed: LabelSums & { time: 'time' };
}

interface LabelProducts {
  number: 'computed';
  duration: 'duration';
  label: 'number';
  computed: 'number';
}

interface Products {
  number: { number: 'number'; duration: 'duration'; label: 'computed'; computed: 'computed' };
  duration: { number: 'duration'; label: 'duration'; computed: 'duration' };
  time: object;
  label: LabelProducts;
  computed: LabelProducts;
}

interface LabelQuotients extends Omit<LabelProducts, 'duration'> {
  duration: 'number';
}

interface Quotients {
  number: { number: 'number'; label: 'number'; computed: 'number' };
  duration: Products['duration'] & { duration: 'number' };
  time: object;
  label: LabelQuotients;
  computed: LabelQuotients;
}

/** Literals that can be added, by what they are added to. */
interface Terms {
  number: number;
  duration: DurationInput;
  time: DurationInput | Date;
  label: number | DurationLiteral;
  computed: number | DurationLiteral;
}

/** The sort that a literal has which is added. */
type TermKind<K extends Kind, V> = V extends DurationLiteral
  ? 'duration'
  : V extends Date
    ? 'time'
    : K extends 'duration' | 'time'
      ? 'duration'
      : 'number';

/** The sort that a literal has which multiplies or divides. */
type FactorKind<V> = V extends DurationLiteral ? 'duration' : 'number';

/** The sort of a result, by those of its sides. */
type Result<Table extends Record<Kind, object>, K extends Kind, R> = R extends keyof Table[K]
  ? Extract<Table[K][R], Kind>
  : never;

/** Anything of these sorts. */
interface Valued<K, S extends string, E extends string = string> {
  readonly kind: K;
  readonly streams?: S;
  readonly each?: E;
}

type Operands<Table extends Record<Kind, object>, K extends Kind> = Valued<
  Extract<keyof Table[K], Kind>,
  string
>;

/** The literals whose sort the table has. */
type Fitting<Table extends Record<Kind, object>, K extends Kind, V, R> = R extends keyof Table[K]
  ? V
  : never;

type Term<Table extends Record<Kind, object>, K extends Kind> =
  | Operands<Table, K>
  | (Terms[K] extends infer V
      ? V extends V
        ? Fitting<Table, K, V, TermKind<K, V>>
        : never
      : never);

type Factor<Table extends Record<Kind, object>, K extends Kind> =
  | Operands<Table, K>
  | Fitting<Table, K, number, 'number'>
  | Fitting<Table, K, DurationLiteral, 'duration'>;

type StreamsOf<V> = V extends Valued<Kind, infer S> ? S : never;
type EachOf<V> = V extends Valued<Kind, string, infer E> ? E : never;
type KindOf<V, Literal> = V extends Valued<infer R, string> ? R : Literal;

/** How the outermost operator of a text binds; what binds less is put in parentheses. */
export type Form = 'one' | 'product' | 'sum' | 'and' | 'or';

/** @internal Refuses what is no condition: a text would stand in the query as it is. */
export function conditionText(option: string, value: unknown): string {
  return value instanceof Condition
    ? value.text
    : bad(option, value, "a condition such as label('app', 'level').eq('error')");
}

/** What holds or does not hold of a correlation. `S` names the streams it is about. */
export class Condition<S extends string = string> {
  declare readonly streams?: S;
  readonly #form: Form;

  /** @internal */
  constructor(
    readonly text: string,
    form: Form = 'one',
  ) {
    this.#form = form;
  }

  /** Both hold. */
  and<O extends string>(other: Condition<O>): Condition<S | O> {
    conditionText('condition', other);
    const side = ({ text }: { text: string }, form: Form) => (form === 'or' ? `(${text})` : text);
    return new Condition(`${side(this, this.#form)} and ${side(other, other.#form)}`, 'and');
  }

  /** One of them holds. */
  or<O extends string>(other: Condition<O>): Condition<S | O> {
    return new Condition(`${this.text} or ${conditionText('condition', other)}`, 'or');
  }
}

/**
 * A comparison, of which `every` can be said where it is about labels of one stream. `E` names the streams
 * of whose events any may hold it.
 */
export class Comparison<S extends string = string, E extends string = string> extends Condition<S> {
  declare readonly each?: E;
  /** @internal The streams of whose events any may hold it. */
  readonly anyOf: readonly string[];

  /** @internal */
  constructor(text: string, anyOf: readonly string[]) {
    super(text);
    this.anyOf = anyOf;
  }
}

/**
 * Something to compare: what a correlation has, or what is computed of it. Compared and computed with
 * literals or other operands, as far as their sorts (`K`) go together; `S` names the streams it is about,
 * `E` those of whose events any can be meant. A number beside a duration is one in milliseconds; beside a label a duration is `{ duration: '250ms' }`.
 */
export class Operand<K extends Kind = Kind, S extends string = string, E extends string = string> {
  declare readonly streams?: S;
  declare readonly each?: E;
  readonly #form: Form;

  /** @internal */
  constructor(
    readonly kind: K,
    readonly text: string,
    form: Form = 'one',
    /** @internal The streams of whose events any can be meant. */
    readonly anyOf: readonly string[] = [],
  ) {
    this.#form = form;
  }

  eq<O extends string = never, F extends string = never>(
    other: Literals[K] | Valued<Beside[K], O, F>,
  ): Comparison<S | O, E | F> {
    return this.#compared('=', other);
  }
  ne<O extends string = never, F extends string = never>(
    other: Literals[K] | Valued<Beside[K], O, F>,
  ): Comparison<S | O, E | F> {
    return this.#compared('!=', other);
  }
  lt<O extends string = never, F extends string = never>(
    other: OrderedLiterals[K] | Valued<Beside[K], O, F>,
  ): Comparison<S | O, E | F> {
    return this.#compared('<', other);
  }
  lte<O extends string = never, F extends string = never>(
    other: OrderedLiterals[K] | Valued<Beside[K], O, F>,
  ): Comparison<S | O, E | F> {
    return this.#compared('<=', other);
  }
  gt<O extends string = never, F extends string = never>(
    other: OrderedLiterals[K] | Valued<Beside[K], O, F>,
  ): Comparison<S | O, E | F> {
    return this.#compared('>', other);
  }
  gte<O extends string = never, F extends string = never>(
    other: OrderedLiterals[K] | Valued<Beside[K], O, F>,
  ): Comparison<S | O, E | F> {
    return this.#compared('>=', other);
  }

  /** The sum. A time and a duration are a time. */
  plus<V extends Term<Sums, K>>(
    other: V,
  ): Operand<Result<Sums, K, KindOf<V, TermKind<K, V>>>, S | StreamsOf<V>, E | EachOf<V>> {
    return this.#linked('+', other, 'sum') as never;
  }

  /** The difference. That of two times is a duration. */
  minus<V extends Term<Differences, K>>(
    other: V,
  ): Operand<Result<Differences, K, KindOf<V, TermKind<K, V>>>, S | StreamsOf<V>, E | EachOf<V>> {
    return this.#linked('-', other, 'sum') as never;
  }

  /** The product. A duration many times is a duration. */
  times<V extends Factor<Products, K>>(
    other: V,
  ): Operand<Result<Products, K, KindOf<V, FactorKind<V>>>, S | StreamsOf<V>, E | EachOf<V>> {
    return this.#linked('*', other, 'product') as never;
  }

  /** The quotient. That of two durations is a number; there is none by zero. */
  dividedBy<V extends Factor<Quotients, K>>(
    other: V,
  ): Operand<Result<Quotients, K, KindOf<V, FactorKind<V>>>, S | StreamsOf<V>, E | EachOf<V>> {
    return this.#linked('/', other, 'product') as never;
  }

  #compared(operator: string, other: unknown): Comparison<never, never> {
    const right = other instanceof Operand ? other.text : comparedLiteral(this.kind, other);
    const anyOf = other instanceof Operand ? other.anyOf : [];
    return new Comparison(`${this.text} ${operator} ${right}`, [...this.anyOf, ...anyOf]);
  }

  #linked(operator: string, other: unknown, form: 'sum' | 'product'): Operand {
    const isOperand = (value: unknown): value is Operand => value instanceof Operand;
    const right = isOperand(other) ? other : linkedLiteral(this.kind, other, form === 'sum');
    const kind = resultKind(this.kind, operator, right.kind);
    if (!kind) bad('operand', other, `what can stand behind ${this.kind} ${operator}`);
    const first = form === 'product' && this.#form === 'sum' ? `(${this.text})` : this.text;
    const isLoose = right.#form === 'sum' || right.#form === form;
    return new Operand(
      kind,
      `${first} ${operator} ${isLoose ? `(${right.text})` : right.text}`,
      form,
      [...this.anyOf, ...right.anyOf],
    );
  }
}

/** A label of a stream. */
export class LabelOperand<S extends string = string, E extends string = string> extends Operand<
  'label',
  S,
  E
> {
  /** @internal */
  constructor(text: string, anyOf: readonly string[] = []) {
    super('label', text, 'one', anyOf);
  }

  /** The whole label matches a regular expression. */
  matches(regex: string): Comparison<S, E> {
    return new Comparison(`${this.text} =~ ${quoted('regex', regex)}`, this.anyOf);
  }

  /** The label does not match a regular expression. */
  matchesNot(regex: string): Comparison<S, E> {
    return new Comparison(`${this.text} !~ ${quoted('regex', regex)}`, this.anyOf);
  }
}

/** The time of an event. */
export type TimeOperand<S extends string = string> = Operand<'time', S, never>;

function comparedLiteral(kind: Kind, value: unknown): string {
  switch (kind) {
    case 'number':
      return number('value', value as number);
    case 'duration':
      return signedDuration('value', value as DurationInput);
    case 'time':
      return quoted('value', instant(value));
    default:
      if (typeof value === 'string' && kind === 'label') return quoted('value', value);
      return isDuration(value)
        ? signedDuration('value', value.duration)
        : number('value', value as number);
  }
}

/** A literal that stands in arithmetic with something of sort `kind`. */
function linkedLiteral(kind: Kind, value: unknown, isSum: boolean): Operand {
  if (isDuration(value)) return new Operand('duration', signedDuration('value', value.duration));
  if (isSum && value instanceof Date) return new Operand('time', quoted('value', instant(value)));
  const isLength = isSum && (kind === 'duration' || kind === 'time');
  return isLength
    ? new Operand('duration', signedDuration('value', value as DurationInput))
    : new Operand('number', number('value', value as number));
}

/** A time that the language can write: RFC 3339 with an offset, in years that 64 bits hold. */
function instant(value: unknown): string {
  const isText = typeof value === 'string' && /\d[Tt ].*(?:[Zz]|[+-]\d\d:\d\d)$/.test(value);
  const isTime = (isText || value instanceof Date) && toNanos(value) !== undefined;
  if (!isTime) bad('value', value, 'a Date or RFC 3339 text with an offset, years 1678 to 2261');
  return value instanceof Date ? value.toISOString() : value;
}

/** A literal to begin with: a number, a time or a duration. */
export function value(literal: number): Operand<'number', never, never>;
export function value(literal: Date): Operand<'time', never, never>;
export function value(literal: DurationLiteral): Operand<'duration', never, never>;
export function value(literal: number | Date | DurationLiteral): Operand<Kind, never, never> {
  return linkedLiteral('label', literal, true) as Operand<Kind, never, never>;
}

function isDuration(value: unknown): value is DurationLiteral {
  return typeof value === 'object' && value !== null && 'duration' in value;
}

const OF_LABELS = {
  '+': { number: 'number', duration: 'duration', label: 'computed', time: 'time' },
  '-': { number: 'number', duration: 'duration', label: 'computed' },
  '*': { number: 'computed', duration: 'duration', label: 'number' },
  '/': { number: 'computed', duration: 'number', label: 'number' },
} as const;

/** As in the types above; `computed` stands where `label` does. */
const RESULTS: Record<string, Record<string, Partial<Record<string, Kind>>>> = {
  number: {
    '+': { number: 'number', label: 'number' },
    '-': { number: 'number', label: 'number' },
    '*': { number: 'number', duration: 'duration', label: 'computed' },
    '/': { number: 'number', label: 'number' },
  },
  duration: {
    '+': { duration: 'duration', label: 'duration', time: 'time' },
    '-': { duration: 'duration', label: 'duration' },
    '*': { number: 'duration', label: 'duration' },
    '/': { number: 'duration', label: 'duration', duration: 'number' },
  },
  time: {
    '+': { duration: 'time', label: 'time' },
    '-': { duration: 'time', label: 'time', time: 'duration' },
  },
  label: OF_LABELS,
};

function resultKind(left: Kind, operator: string, right: Kind): Kind | undefined {
  const plain = (kind: Kind) => (kind === 'computed' ? 'label' : kind);
  return RESULTS[plain(left)]?.[operator]?.[plain(right)];
}
