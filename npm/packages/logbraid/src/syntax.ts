/** Where something stands in a query, in UTF-16 units. */
export interface TextSpan {
  start: number;
  end: number;
}

/** A value and where it stands. */
export interface Spanned<T> {
  value: T;
  span: TextSpan;
}

/**
 * The syntax tree of a query; its shape follows the grammar of the language. Durations are canonical
 * text (`1h30m`); what the query does not give is `null`.
 */
export interface SyntaxTree {
  /** The streams and joins. */
  expr: SyntaxNode;
  /** The trailing projection; empty keeps every event. */
  projection: MatcherSyntax[];
  /** What stands behind each `|`, with single spaces in place of white space and comments. */
  stages: Spanned<string>[];
  /** The whole query, without white space and comments around it. */
  span: TextSpan;
}

/** A stream, or a join of two. */
export type SyntaxNode = StreamSyntax | JoinSyntax;

/** `source(selector)[range] as alias`. */
export interface StreamSyntax {
  type: 'stream';
  source: Spanned<string>;
  /** Unchanged to the byte. */
  selector: Spanned<string>;
  range: Spanned<string> | null;
  alias: Spanned<string> | null;
  span: TextSpan;
}

/** `left kind on(keys) within(lo, hi) pick(policy) right`. */
export interface JoinSyntax {
  type: 'join';
  kind: Spanned<'and' | 'or' | 'outer' | 'unless' | 'then' | 'then not'>;
  /** The labels whose values must agree; empty where `ignoring` stands instead. */
  on: { left: string; right: string; span: TextSpan }[];
  /** The labels that need not agree; without effect beside `on`. */
  ignoring: { labels: Spanned<string>[]; span: TextSpan } | null;
  /** The bounds of `right - left`; `within(d)` is `within(-d, d)`. */
  within: { lo: string; hi: string; span: TextSpan } | null;
  /** Never beside `grouping`. */
  pick: { policy: 'session' | 'pairs' | 'first' | 'latest'; span: TextSpan } | null;
  /** The side with one result per event, and the labels copied from the other. */
  grouping: { side: 'left' | 'right'; labels: Spanned<string>[]; span: TextSpan } | null;
  left: SyntaxNode;
  right: SyntaxNode;
  span: TextSpan;
}

/** `label op "value"`. */
export interface MatcherSyntax {
  label: string;
  op: '=' | '!=' | '=~' | '!~';
  /** Without quotes and escapes. */
  value: Spanned<string>;
  span: TextSpan;
}

/**
 * Anything the engine says of a query, with its spans in UTF-16 units: the engine counts bytes. Linear in
 * what is said, and in the query up to the last place that is named.
 */
export function inUnits<T>(query: string, found: T): T {
  if (!/\P{ASCII}/u.test(query)) {
    return found;
  }
  // By byte, the unit at which its character begins.
  const units: number[] = [];
  const characters = query[Symbol.iterator]();
  let unit = 0;
  const unitAt = (byte: number): number => {
    while (units.length <= byte) {
      const next = characters.next();
      if (next.done) return unit;
      const code = next.value.codePointAt(0) ?? 0;
      const bytes = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
      for (let more = bytes; more > 0; more -= 1) units.push(unit);
      unit += next.value.length;
    }
    return units[byte] ?? unit;
  };
  const convert = (value: unknown, isSpan: boolean): unknown => {
    if (Array.isArray(value)) return value.map((one) => convert(one, false));
    if (typeof value !== 'object' || value === null) {
      return isSpan && typeof value === 'number' ? unitAt(value) : value;
    }
    return Object.fromEntries(
      Object.entries(value).map(([name, inner]) => [
        name,
        convert(inner, isSpan || name === 'span'),
      ]),
    );
  };
  return convert(found, false) as T;
}
