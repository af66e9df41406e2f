import type { DurationInput } from '../types.js';
import { duration as durationText, labelName, number, quoted, refuse } from './text.js';

/** What holds or does not hold of a correlation. */
export class Condition {
  /** @internal */
  constructor(readonly text: string) {}

  and(other: Condition): Condition {
    return new Condition(`(${this.text} and ${other.text})`);
  }

  or(other: Condition): Condition {
    return new Condition(`(${this.text} or ${other.text})`);
  }
}

/** The opposite of a condition. */
export function not(condition: Condition): Condition {
  return new Condition(`not (${condition.text})`);
}

/** Holds if a comparison of a label holds for all events of its stream; never for a stream without events. */
export function every(condition: Condition): Condition {
  return new Condition(`every(${condition.text})`);
}

/** Something to compare: with literals of type `T`, or with another operand of its kind. */
export class Operand<T> {
  readonly #literal: (value: T) => string;

  /** @internal */
  constructor(
    readonly text: string,
    literal: (value: T) => string,
  ) {
    this.#literal = literal;
  }

  eq(other: T | Operand<T>): Condition {
    return this.#compared('=', other);
  }
  ne(other: T | Operand<T>): Condition {
    return this.#compared('!=', other);
  }
  lt(other: T | Operand<T>): Condition {
    return this.#compared('<', other);
  }
  lte(other: T | Operand<T>): Condition {
    return this.#compared('<=', other);
  }
  gt(other: T | Operand<T>): Condition {
    return this.#compared('>', other);
  }
  gte(other: T | Operand<T>): Condition {
    return this.#compared('>=', other);
  }

  #compared(operator: string, other: T | Operand<T>): Condition {
    const right = other instanceof Operand ? other.text : this.#literal(other);
    return new Condition(`${this.text} ${operator} ${right}`);
  }
}

/** A label of a stream. */
export class LabelOperand extends Operand<string | number> {
  /** @internal */
  constructor(text: string) {
    super(text, (value) =>
      typeof value === 'number' ? number('value', value) : quoted('value', value),
    );
  }

  /** The whole label matches a regular expression. */
  matches(regex: string): Condition {
    return new Condition(`${this.text} =~ ${quoted('regex', regex)}`);
  }

  /** The label does not match a regular expression. */
  matchesNot(regex: string): Condition {
    return new Condition(`${this.text} !~ ${quoted('regex', regex)}`);
  }
}

/** The time of an event; two of them can be subtracted. */
export class TimeOperand extends Operand<TimeOperand> {
  /** @internal */
  constructor(text: string) {
    super(text, (value) => value.text);
  }

  /** How long after another time this one is. */
  minus(other: TimeOperand): Operand<DurationInput> {
    return durationOperand(`(${this.text} - ${other.text})`);
  }
}

/** The name of a stream: its alias, its source, or `source#position`. */
function streamName(value: string): string {
  return /^[A-Za-z_][A-Za-z0-9_]*(?:#[0-9]+)?$/.test(value)
    ? value
    : refuse('stream', value, 'an alias, a source, or a source and its position such as app#2');
}

function durationOperand(text: string): Operand<DurationInput> {
  return new Operand(text, (value: DurationInput) => durationText('value', value));
}

/** A label of some event of a stream. */
export function label(stream: string, name: string): LabelOperand {
  return new LabelOperand(`${streamName(stream)}.${memberName(name)}`);
}

/** A label that is not hidden by the time of an event. */
function memberName(value: string): string {
  return value === 'ts'
    ? refuse('label', value, 'a label; ts is a time')
    : labelName('label', value);
}

/** The time of the first event of a stream. */
export function ts(stream: string): TimeOperand {
  return new TimeOperand(`${streamName(stream)}.ts`);
}

/** The first event of a stream. */
export function first(stream: string) {
  return event('first', stream);
}

/** The last event of a stream. */
export function last(stream: string) {
  return event('last', stream);
}

function event(which: string, stream: string) {
  const text = `${which}(${streamName(stream)})`;
  return {
    /** Its time. */
    ts: new TimeOperand(`${text}.ts`),
    /** One of its labels. */
    label: (name: string) => new LabelOperand(`${text}.${memberName(name)}`),
  };
}

/** How many events a stream has; of all streams when none is named. */
export function count(stream?: string): Operand<number> {
  const text = stream === undefined ? '' : streamName(stream);
  return new Operand(`count(${text})`, (value: number) => number('value', value));
}

/** From the first event of the correlation to the last. */
export const duration: Operand<DurationInput> = durationOperand('duration');
