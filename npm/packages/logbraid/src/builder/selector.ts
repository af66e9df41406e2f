import { bad } from '../checks.js';
import { duration, labelName, number, quoted } from './text.js';
import type { DurationInput } from '../types.js';

/** What stands between the parentheses of a stream; made by {@link local} or {@link raw}. */
export abstract class Selector {
  /** The text of the selector. */
  readonly text: string;

  /** @internal */
  constructor(text: string) {
    this.text = text;
  }

  toString(): string {
    return this.text;
  }
}

/** How the value of a label is compared in a selector. */
export type LabelOperator = '=' | '!=' | '=~' | '!~';

/** Labels by name: a text the label must be, or an operator and a text. */
export type LabelMatchers = Readonly<
  Record<string, string | readonly [operator: LabelOperator, value: string]>
>;

/** How a field is compared in a label filter: with texts, or with numbers and durations. */
export type FieldOperator = LabelOperator | '<' | '<=' | '>' | '>=';

class RawSelector extends Selector {}

/**
 * A selector of a source with a language of its own, unchanged to the byte. Throws an `OptionError`
 * when quotes or parentheses are not paired, since it would then end elsewhere.
 */
export function raw(text: string): Selector {
  if (typeof text !== 'string') bad('selector', text, 'a text');
  let depth = 0;
  // A quoted text, in which backslashes escape but not in backticks; or one mark.
  const pieces = /"(?:\\[^]|[^"\\])*"|'(?:\\[^]|[^'\\])*'|`[^`]*`|["'`()]/g;
  for (const [piece] of text.matchAll(pieces)) {
    if (piece === '(') depth += 1;
    if (piece === ')') depth -= 1;
    if (depth < 0) bad('selector', text, 'a text in which ) follows (');
    if (piece.length === 1 && piece !== '(' && piece !== ')') {
      bad('selector', text, `a text in which ${piece} is closed`);
    }
  }
  return depth === 0 ? new RawSelector(text) : bad('selector', text, 'a text in which ( is closed');
}

/**
 * A selector that the engine applies itself, to files, arrays and pushed events. Each step takes
 * only lines or events that passed the steps before. Values are escaped.
 */
export class LocalSelector extends Selector {
  /** Lines that contain a text. */
  contains(text: string): LocalSelector {
    return this.#line('|=', text);
  }

  /** Lines that do not contain a text. */
  lacks(text: string): LocalSelector {
    return this.#line('!=', text);
  }

  /** Lines that match a regular expression somewhere. */
  matches(regex: string): LocalSelector {
    return this.#line('|~', regex);
  }

  /** Lines that match a regular expression nowhere. */
  matchesNot(regex: string): LocalSelector {
    return this.#line('!~', regex);
  }

  /** Reads labels from a JSON line. */
  json(): LocalSelector {
    return this.#with('| json');
  }

  /** Reads labels from a logfmt line. */
  logfmt(): LocalSelector {
    return this.#with('| logfmt');
  }

  /** Reads labels by a pattern such as `<ip> - <method>`. */
  pattern(pattern: string): LocalSelector {
    return this.#with(`| pattern ${quoted('pattern', pattern)}`);
  }

  /** Reads labels by the named groups of a regular expression. */
  regexp(regex: string): LocalSelector {
    return this.#with(`| regexp ${quoted('regexp', regex)}`);
  }

  /** Events of which one of these comparisons of a label with a text, number or duration holds. */
  filter(...anyOf: [FieldFilter, ...FieldFilter[]]): LocalSelector {
    const text = anyOf.map((one) => one.text).join(' or ');
    // A label that begins like a parser would be read as one.
    return this.#with(/^(?:json|logfmt)/.test(text) ? `| (${text})` : `| ${text}`);
  }

  #line(operator: string, text: string): LocalSelector {
    return this.#with(`${operator} ${quoted('line filter', text)}`);
  }

  #with(step: string): LocalSelector {
    return new LocalSelector(`${this.text} ${step}`);
  }
}

/** The start of a local selector: events with these labels; all when none is given. */
export function local(labels: LabelMatchers = {}): LocalSelector {
  return new LocalSelector(`{${matchers(labels)}}`);
}

/** A comparison in a label filter, or several; made by {@link field}. */
export class FieldFilter {
  /** @internal */
  constructor(readonly text: string) {}

  /** Both hold. */
  and(other: FieldFilter): FieldFilter {
    return new FieldFilter(`(${this.text} and ${other.text})`);
  }

  /** One of them holds. */
  or(other: FieldFilter): FieldFilter {
    return new FieldFilter(`(${this.text} or ${other.text})`);
  }
}

/** Compares a label with a text. */
export function field(label: string, operator: LabelOperator, value: string): FieldFilter;
/** Compares a label with a number, or a duration given as `{ duration: '250ms' }`. */
export function field(
  label: string,
  operator: '=' | '!=' | '<' | '<=' | '>' | '>=',
  value: number | { duration: DurationInput },
): FieldFilter;
export function field(
  label: string,
  operator: FieldOperator,
  value: string | number | { duration: DurationInput },
): FieldFilter {
  if (!['=', '!=', '=~', '!~', '<', '<=', '>', '>='].includes(operator)) {
    bad('operator', operator, 'a comparison');
  }
  return new FieldFilter(`${labelName('label', label)} ${operator} ${fieldValue(value)}`);
}

function fieldValue(value: string | number | { duration: DurationInput }): string {
  switch (typeof value) {
    case 'string':
      return quoted('value', value);
    case 'number':
      return number('value', value);
    default:
      return duration('value', value.duration);
  }
}

/** @internal Matchers, separated by commas. */
export function matchers(labels: LabelMatchers): string {
  onlyObject(labels);
  const all = Object.entries(labels).map(([label, matcher]) => {
    if (typeof matcher !== 'string' && !Array.isArray(matcher)) {
      bad(`value of ${label}`, matcher, 'a text, or an operator and a text');
    }
    const [operator, value] = typeof matcher === 'string' ? (['=', matcher] as const) : matcher;
    if (!['=', '!=', '=~', '!~'].includes(operator)) {
      bad(`operator of ${label}`, operator, '=, !=, =~ or !~');
    }
    return `${labelName('label', label)}${operator}${quoted(`value of ${label}`, value)}`;
  });
  return all.join(', ');
}

function onlyObject(labels: unknown): void {
  if (typeof labels !== 'object' || labels === null || Array.isArray(labels)) {
    bad('labels', labels, 'an object of texts by label');
  }
}
