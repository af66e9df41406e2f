import type { LintSource } from '@codemirror/lint';
import { validate } from 'logbraid';
import type { PlanningOptions } from 'logbraid';

import { isLoaded } from './engine.js';
import { paragraph } from './prose.js';
import type { Known } from './vocabulary.js';

/** What the engine finds wrong. */
export function diagnosticSource(known: Known, planning: PlanningOptions): LintSource {
  return async ({ state }) => {
    const query = state.doc.toString();
    // A query that has not been begun is no mistake.
    if (query.trim() === '' || !(await isLoaded())) return [];
    const { sources = [] } = await known(state);
    const selecting = sources.filter(({ selects }) => selects).map(({ name }) => name);
    const { selectingSources = selecting } = planning;
    const { diagnostics } = validate(query, { ...planning, selectingSources });
    return diagnostics.map(({ code, severity, message, span, suggestion }) => {
      const told = suggestion === null ? [message] : [message, suggestion];
      return {
        from: span.start,
        to: span.end,
        severity,
        source: code,
        message: told.join('\n'),
        renderMessage: () => {
          const element = document.createElement('div');
          element.append(...told.map(paragraph));
          return element;
        },
      };
    });
  };
}
