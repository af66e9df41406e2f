import type { Backend, Checked, CheckOptions, PlanSummary, RawDiagnostic } from './backend.js';
import { queryText } from './builder/index.js';
import type { QueryInput } from './builder/index.js';
import { QueryError, shown } from './errors.js';
import { loadBackend } from '#platform';
import { resolvePlanOptions, resolveRenderOptions } from './options.js';
import { inUnits } from './syntax.js';
import type { SyntaxTree, TextSpan } from './syntax.js';
import type { Diagnostic, DurationInput } from './types.js';

/** What a host knows to complete with; in the order in which it is offered. */
export interface Vocabulary {
  sources?: {
    name: string;
    /** Whether it applies selectors itself: only labels and values are completed in them then. */
    selects?: boolean;
    labels?: KnownLabel[];
  }[];
}

/** A label of a {@link Vocabulary}. */
export interface KnownLabel {
  name: string;
  /** Values it is known to have. */
  values?: string[];
}

/** Something that can stand at the cursor. */
export interface Completion {
  /** What to show. */
  label: string;
  /** What to put in place of `span`. */
  insert: string;
  kind: 'operator' | 'keyword' | 'source' | 'stream' | 'label' | 'value';
  /** The word at the cursor; empty where there is none. */
  span: TextSpan;
  /** A few words about it. */
  detail: string;
}

/** A piece of a query. */
export interface QueryToken {
  /** What it is, such as `operator`, `keyword`, `source`, `label` or `comment`. */
  kind: string;
  span: TextSpan;
}

/** What a piece of a query means. */
export interface Hover {
  /** Markdown, one paragraph. */
  text: string;
  span: TextSpan;
}

/** How a query is planned, as far as it depends on more than its text. */
export interface PlanningOptions {
  /** The range of a stream that gives none: milliseconds or text such as `30s`. Default `5m`. */
  defaultTimeWindow?: DurationInput | undefined;
  /**
   * Names of the sources that apply selectors themselves (`selects`): what stands between their
   * parentheses is theirs, and not read here. Default: none.
   */
  selectingSources?: readonly string[] | undefined;
}

/** What {@link render} draws. */
export interface RenderOptions extends PlanningOptions {
  /** Whether to color it with ANSI escapes. Default `false`. */
  color?: boolean | undefined;
}

/** What {@link validate} finds. */
export interface Validation {
  /** Whether the query runs. */
  valid: boolean;
  /** Everything found, warnings included, in text order. */
  diagnostics: Diagnostic[];
}

/** The syntax tree of a query. Throws a {@link QueryError} when it does not parse. */
export function parse(input: QueryInput): SyntaxTree {
  const query = queryText(input);
  const backend = loadBackend();
  const parsed = JSON.parse(backend.parse(query)) as {
    ast?: SyntaxTree;
    diagnostics?: RawDiagnostic[];
  };
  if (!parsed.ast) {
    throw queryError(backend, query, parsed.diagnostics ?? [], {});
  }
  return inUnits(query, parsed.ast);
}

/**
 * Checks a query and reports all that can be found. Never throws over the query itself, but an
 * `OptionError` for an option that does not exist or cannot have its value.
 *
 * ```js
 * validate('loki(rate) and on(k) a({})').valid; // false
 * validate('loki(rate) and on(k) a({})', { selectingSources: ['loki'] }).valid; // true
 * ```
 */
export function validate(input: QueryInput, options: PlanningOptions = {}): Validation {
  return validateAs(input, resolvePlanOptions(options));
}

/** As {@link validate}, with options that have been checked. */
export function validateAs(input: QueryInput, options: CheckOptions): Validation {
  const query = queryText(input);
  const { diagnostics, plan } = check(loadBackend(), query, options);
  return { valid: plan !== undefined, diagnostics: toDiagnostics(query, diagnostics) };
}

/**
 * The diagnostics of a query drawn under its text, for a terminal; empty when there are none. Throws
 * an `OptionError` for an option that does not exist or cannot have its value.
 */
export function render(input: QueryInput, options: RenderOptions = {}): string {
  const query = queryText(input);
  const { color, ...plan } = resolveRenderOptions(options);
  return loadBackend().render(query, plan, color);
}

/**
 * A query in its canonical text, on several lines where one would be long; comments are kept. Throws
 * a {@link QueryError} when it does not parse.
 *
 * ```js
 * format('edge({})[60s]AND on(id)(app({}))'); // edge({})[1m] and on(id) app({})
 * ```
 */
export function format(input: QueryInput): string {
  const query = queryText(input);
  const backend = loadBackend();
  const formatted = JSON.parse(backend.format(query)) as {
    text?: string;
    diagnostics?: RawDiagnostic[];
  };
  if (formatted.text === undefined) {
    throw queryError(backend, query, formatted.diagnostics ?? [], {});
  }
  return formatted.text;
}

/**
 * What can stand at a cursor (UTF-16 units from the start; beyond the text is its end), best first.
 * Throws a `TypeError` for a query that is no text, a cursor that is no whole number of at least 0, or a
 * vocabulary that is no object.
 *
 * ```js
 * complete('a({}) un', 8)[0].insert; // unless
 * ```
 */
export function complete(query: string, cursor: number, vocabulary: Vocabulary = {}): Completion[] {
  textOf(query);
  if (typeof (vocabulary as unknown) !== 'object' || (vocabulary as unknown) === null) {
    throw new TypeError(`vocabulary must be an object, not ${shown(vocabulary)}`);
  }
  const found = loadBackend().complete(
    query,
    byteOf(query, 'cursor', cursor),
    JSON.stringify(vocabulary),
  );
  return inUnits(query, JSON.parse(found) as Completion[]);
}

/**
 * The pieces of a query for an editor: all of it but white space. Broken text has pieces too. Throws a
 * `TypeError` for what is no text. A query has 64 KiB at most; what comes behind them has no pieces.
 *
 * ```js
 * highlight('a({})')[0].kind; // source
 * ```
 */
export function highlight(query: string): QueryToken[] {
  textOf(query);
  return inUnits(query, JSON.parse(loadBackend().highlight(query)) as QueryToken[]);
}

/**
 * What stands at an offset (UTF-16 units from the start) and what it means; `undefined` where there
 * is nothing to say, and in a text of more than 64 KiB, which is no query. Throws a `TypeError` for a query that is no text, or an offset that is no whole
 * number of at least 0.
 *
 * ```js
 * hover('a({}) then b({})', 7).span.start; // 6
 * ```
 */
export function hover(query: string, offset: number): Hover | undefined {
  textOf(query);
  const found = JSON.parse(
    loadBackend().hover(query, byteOf(query, 'offset', offset)),
  ) as Hover | null;
  return found ? inUnits(query, found) : undefined;
}

/** The plan of a query. Throws a {@link QueryError} when it makes no sense. */
export function plan(backend: Backend, query: string, options: CheckOptions): PlanSummary {
  const checked = check(backend, query, options);
  if (!checked.plan) {
    throw queryError(backend, query, checked.diagnostics, options);
  }
  return checked.plan;
}

function check(backend: Backend, query: string, options: CheckOptions): Checked {
  return JSON.parse(backend.check(query, options)) as Checked;
}

/** The error of a query that does not parse or makes no sense. */
export function queryError(
  backend: Backend,
  query: string,
  found: RawDiagnostic[],
  options: CheckOptions,
): QueryError {
  const drawn = backend.render(query, options, false).trimEnd();
  // What is wrong with the canonical text of a query is not drawn under the query.
  const told = drawn || found.map(({ message }) => message).join('\n');
  return new QueryError(told || 'the query makes no sense', toDiagnostics(query, found), {
    details: { query },
  });
}

function toDiagnostics(query: string, found: RawDiagnostic[]): Diagnostic[] {
  return inUnits(query, found);
}

/** Refuses what is no text that an editor can ask about. */
function textOf(query: unknown): void {
  if (typeof query !== 'string') throw new TypeError(`query must be a text, not ${shown(query)}`);
}

/** The byte at an offset in UTF-16 units; beyond the text, its end. */
function byteOf(query: string, name: string, unit: unknown): number {
  if (!Number.isSafeInteger(unit) || Number(unit) < 0) {
    throw new TypeError(`${name} must be a whole number of at least 0, not ${shown(unit)}`);
  }
  return new TextEncoder().encode(query.slice(0, Number(unit))).length;
}
