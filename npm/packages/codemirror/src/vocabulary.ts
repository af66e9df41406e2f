import type { EditorState } from '@codemirror/state';
import { logException } from '@codemirror/view';
import type { Vocabulary } from 'logbraid';

/** How long an answer of the host is used, in milliseconds: it may ask its sources for it. */
const FRESH_MS = 30_000;

/** What is known to complete with; never rejects. */
export type Known = (state: EditorState) => Promise<Vocabulary>;

/** Asks the host now and then. Only its first answer is waited for; what it said holds where it fails later. */
export function remember(ask: () => Vocabulary | Promise<Vocabulary>): Known {
  let known: Vocabulary | undefined;
  let asked: Promise<void> | undefined;
  let askedAt = -Infinity;
  const askAnew = async (state: EditorState) => {
    try {
      known = await ask();
    } catch (error) {
      logException(state, error, 'the vocabulary of a logbraid query');
    }
  };
  return async (state) => {
    if (performance.now() - askedAt >= FRESH_MS) {
      askedAt = performance.now();
      asked = askAnew(state);
    }
    if (!known) await asked;
    return known ?? {};
  };
}
