import type { Backend, Checked, CheckOptions, PlanSummary, RawDiagnostic } from './backend.js';
import { QueryError } from './errors.js';
import { loadBackend } from './load/native.js';
import type { Diagnostic } from './types.js';

/** The syntax tree of a query; its shape follows the grammar of the language. */
export type SyntaxTree = Readonly<Record<string, unknown>>;

/** What {@link validate} finds. */
export interface Validation {
  /** Whether the query runs. */
  valid: boolean;
  /** Everything found, warnings included, in text order. */
  diagnostics: Diagnostic[];
}

/** The syntax tree of a query. Throws a {@link QueryError} when it does not parse. */
export function parse(query: string): SyntaxTree {
  const backend = loadBackend();
  const parsed = JSON.parse(backend.parse(query)) as {
    ast?: SyntaxTree;
    diagnostics?: RawDiagnostic[];
  };
  if (!parsed.ast) {
    throw queryError(backend, query, parsed.diagnostics ?? [], {});
  }
  return parsed.ast;
}

/** Checks a query and reports all that can be found. Never throws over the query itself. */
export function validate(query: string): Validation {
  const { diagnostics, plan } = check(loadBackend(), query, {});
  return { valid: plan !== undefined, diagnostics: toDiagnostics(query, diagnostics) };
}

/** The diagnostics of a query drawn under its text, for a terminal; empty when there are none. */
export function render(query: string, { color = false }: { color?: boolean } = {}): string {
  return loadBackend().render(query, '{}', color);
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
  return JSON.parse(backend.check(query, JSON.stringify(options))) as Checked;
}

function queryError(
  backend: Backend,
  query: string,
  found: RawDiagnostic[],
  options: CheckOptions,
): QueryError {
  const drawn = backend.render(query, JSON.stringify(options), false).trimEnd();
  return new QueryError(drawn || 'the query makes no sense', toDiagnostics(query, found), {
    details: { query },
  });
}

/** JavaScript counts UTF-16 units where the engine counts bytes. */
function toDiagnostics(query: string, found: RawDiagnostic[]): Diagnostic[] {
  const bytes = new TextEncoder().encode(query);
  const units = (end: number) => new TextDecoder().decode(bytes.subarray(0, end)).length;
  return found.map(({ span, ...rest }) => ({
    ...rest,
    span: { start: units(span.start), end: units(span.end) },
  }));
}
