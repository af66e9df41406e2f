import { QueryError } from '../errors.js';
import { complete, format, parse, render, validate } from '../query.js';
import type { Vocabulary } from '../query.js';
import type { JoinSyntax, MatcherSyntax, StreamSyntax, SyntaxNode } from '../syntax.js';
import type { LabelMapping } from './join-options.js';

/** A stream of a query. */
export interface StreamQuery {
  source: string;
  /** Unchanged. */
  selector: string;
  /** Such as `5m`; absent where the query gives none. */
  timeRange?: string;
  alias?: string;
}

/** A join of a query; what it does not give is absent. */
export interface JoinQuery {
  joinType: JoinSyntax['kind']['value'];
  /** What the keys are called on the left. */
  joinKeys: string[];
  /** The most that matches may be apart; of two bounds, both, as `-1s, 5s`. */
  temporal?: string;
  grouping?: { side: 'left' | 'right'; labels: string[] };
  ignoring?: string[];
  /** Keys that are called otherwise on the right. */
  labelMappings?: LabelMapping[];
}

/** A query, with its first two streams and its first join in front. */
export interface ParsedQuery extends JoinQuery {
  leftStream: StreamQuery;
  rightStream: StreamQuery;
  /** Such as `{status="500"}`. */
  filter?: string;
  /** The streams after the second, each with the join that adds it. */
  additionalStreams?: (StreamQuery & JoinQuery)[];
}

/** What `validate` says. */
export interface QueryValidation {
  valid: boolean;
  /** What is wrong, drawn under the query. */
  error?: string;
  details?: {
    /** How many. */
    streams: number;
    joinType: JoinQuery['joinType'];
    temporal?: string;
    hasFilter: boolean;
    hasLabelMappings: boolean;
  };
}

/**
 * The parser of log-correlator over that of Logbraid. In browsers `load()` has to be awaited before.
 * A query that joins joins is told as if it were written without parentheses; `parse` of `logbraid` has its tree.
 */
export class PeggyQueryParser {
  /** Throws a `QUERY_PARSE_ERROR` that says what is wrong and where. */
  parse(query: string): ParsedQuery {
    const { expr, projection } = parse(query);
    const [first, second, ...others] = operandsOf(expr);
    if (!first || !second?.join) {
      throw new QueryError('a query needs a join', [], { details: { query } });
    }
    const additional = others.flatMap(({ stream, join }) =>
      join ? [{ ...streamOf(stream), ...joinOf(join) }] : [],
    );
    return {
      leftStream: streamOf(first.stream),
      rightStream: streamOf(second.stream),
      ...joinOf(second.join),
      ...(projection.length > 0 && { filter: filterOf(projection) }),
      ...(additional.length > 0 && { additionalStreams: additional }),
    };
  }

  /** Checks a query, but not what stands between the parentheses of its streams. */
  validate(query: string): QueryValidation {
    try {
      const { temporal, ...parsed } = this.parse(query);
      const streams = [parsed.leftStream, parsed.rightStream, ...(parsed.additionalStreams ?? [])];
      const selectingSources = streams.map(({ source }) => source);
      const { valid } = validate(query, { selectingSources });
      if (!valid) return { valid, error: render(query, { selectingSources }).trimEnd() };
      return {
        valid,
        details: {
          streams: streams.length,
          joinType: parsed.joinType,
          ...(temporal !== undefined && { temporal }),
          hasFilter: parsed.filter !== undefined,
          hasLabelMappings: parsed.labelMappings !== undefined,
        },
      };
    } catch (error) {
      if (!(error instanceof QueryError)) throw error;
      return { valid: false, error: error.message };
    }
  }

  /** What can stand at a cursor, best first. */
  getSuggestions(query: string, cursor: number, vocabulary: Vocabulary = {}): string[] {
    return complete(query, cursor, vocabulary).map(({ insert }) => insert);
  }

  /** The canonical text of a query. Throws a `QUERY_PARSE_ERROR` where it does not parse. */
  formatQuery(query: string): string {
    return format(query);
  }
}

/** A stream, and the join that adds it: none for the first. */
interface Operand {
  stream: StreamSyntax;
  join?: JoinSyntax;
}

/** The streams in the order of the text. */
function operandsOf(node: SyntaxNode, join?: JoinSyntax): Operand[] {
  if (node.type === 'stream') return [{ stream: node, ...(join && { join }) }];
  return [...operandsOf(node.left, join), ...operandsOf(node.right, node)];
}

function streamOf({ source, selector, range, alias }: StreamSyntax): StreamQuery {
  return {
    source: source.value,
    selector: selector.value,
    ...(range && { timeRange: range.value }),
    ...(alias && { alias: alias.value }),
  };
}

function joinOf({ kind, on, within, grouping, ignoring }: JoinSyntax): JoinQuery {
  const mappings = on.filter(({ left, right }) => left !== right);
  return {
    joinType: kind.value,
    joinKeys: on.map(({ left }) => left),
    ...(within && { temporal: boundsOf(within) }),
    ...(grouping && {
      grouping: { side: grouping.side, labels: grouping.labels.map(({ value }) => value) },
    }),
    ...(ignoring && { ignoring: ignoring.labels.map(({ value }) => value) }),
    ...(mappings.length > 0 && {
      labelMappings: mappings.map(({ left, right }) => ({ left, right })),
    }),
  };
}

function boundsOf({ lo, hi }: { lo: string; hi: string }): string {
  return lo === `-${hi}` || (lo === '0s' && hi === '0s') ? hi : `${lo}, ${hi}`;
}

function filterOf(matchers: MatcherSyntax[]): string {
  const texts = matchers.map(
    ({ label, op, value }) => `${label}${op}${JSON.stringify(value.value)}`,
  );
  return `{${texts.join(', ')}}`;
}
