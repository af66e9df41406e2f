import type { CompletionSource } from '@codemirror/autocomplete';
import { complete } from 'logbraid';
import type { Completion } from 'logbraid';

import { MAX_LENGTH, isLoaded } from './engine.js';
import type { Known } from './vocabulary.js';

/** The icons of CodeMirror. */
const ICONS: Record<Completion['kind'], string> = {
  operator: 'keyword',
  keyword: 'keyword',
  source: 'namespace',
  stream: 'variable',
  label: 'property',
  value: 'constant',
};

/** What a value from a log could hide, or turn around. */
const HIDDEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** What the engine says can stand at the cursor, in its order. */
export function completionSource(known: Known): CompletionSource {
  return async ({ state, pos, explicit }) => {
    if (state.doc.length > MAX_LENGTH || !(await isLoaded())) return null;
    const found = complete(state.doc.toString(), pos, await known(state));
    const span = found[0]?.span;
    // Unasked only at a word: with a list open, Enter picks from it.
    if (!span || (span.start === span.end && !explicit)) return null;
    return {
      from: span.start,
      to: span.end,
      filter: false,
      options: found.map(({ label, insert, kind, detail }) => ({
        label: label.replace(HIDDEN, '�'),
        apply: insert,
        type: ICONS[kind],
        detail,
      })),
    };
  };
}
