import { forceLinting } from '@codemirror/lint';
import { diff } from '@codemirror/merge';
import { Text } from '@codemirror/state';
import type { Command } from '@codemirror/view';
import { QueryError, format } from 'logbraid';

import { answers } from './engine.js';

/** Most that is compared exactly: beyond, the cursor may move with a larger piece. */
const SCAN_LIMIT = 500;

/**
 * Puts the query into its canonical text; the cursor stays at what it was at. Of a query that does not
 * parse, shows at once what is wrong.
 */
export const formatQuery: Command = (view) => {
  const { state } = view;
  if (state.readOnly) return false;
  const query = state.doc.toString();
  let formatted = query;
  try {
    if (
      !answers(() => {
        formatted = format(query);
      })
    )
      return false;
  } catch (error) {
    if (!(error instanceof QueryError)) throw error;
    forceLinting(view);
  }
  const changes = diff(query, formatted, { scanLimit: SCAN_LIMIT }).map((change) => ({
    from: change.fromA,
    to: change.toA,
    insert: Text.of(formatted.slice(change.fromB, change.toB).split('\n')),
  }));
  if (changes.length > 0) view.dispatch({ changes, userEvent: 'format', scrollIntoView: true });
  return true;
};
