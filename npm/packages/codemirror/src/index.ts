/**
 * Logbraid queries in CodeMirror 6. What a query means is known to the engine alone: it says what is shown.
 *
 * @packageDocumentation
 */
import { autocompletion, closeBrackets, closeBracketsKeymap } from '@codemirror/autocomplete';
import { bracketMatching } from '@codemirror/language';
import { linter } from '@codemirror/lint';
import { EditorState } from '@codemirror/state';
import type { Extension } from '@codemirror/state';
import { hoverTooltip, keymap } from '@codemirror/view';
import { validate } from 'logbraid';
import type { PlanningOptions, Vocabulary } from 'logbraid';

import { completionSource } from './completion.js';
import { diagnosticSource } from './diagnostics.js';
import { answers } from './engine.js';
import { formatQuery } from './format.js';
import { hoverSource, hoverTheme } from './hover.js';
import { languageOnceLoaded } from './language.js';
import { remember } from './vocabulary.js';

export { formatQuery } from './format.js';

/** Options of {@link logbraidQuery}. */
export interface LogbraidQueryOptions {
  /**
   * What is known to complete with, such as `() => engine.vocabulary()`. Asked when it is needed, every 30
   * seconds at most; the first answer is waited for. Default: nothing but the language.
   */
  vocabulary?: (() => Vocabulary | Promise<Vocabulary>) | undefined;
  /**
   * What the query is checked with, as by `validate`. Default: its defaults; `selectingSources` are those of
   * the vocabulary that select.
   */
  planning?: PlanningOptions | undefined;
}

/**
 * The language of Logbraid queries: tokens for any highlight style, completion, hover texts, diagnostics,
 * matched and closed brackets, comments, and {@link formatQuery} at Shift-Alt-f. Plain text until the engine
 * is loaded. Throws an `OptionError` for planning options that do not exist or cannot have their value.
 */
export function logbraidQuery({ vocabulary, planning = {} }: LogbraidQueryOptions = {}): Extension {
  // Here, and not at each key press.
  answers(() => validate('', planning));
  const known = remember(vocabulary ?? (() => ({})));
  const data = [{ autocomplete: completionSource(known) }];
  return [
    languageOnceLoaded(),
    EditorState.languageData.of(() => data),
    autocompletion(),
    linter(diagnosticSource(known, planning)),
    hoverTooltip(hoverSource),
    hoverTheme,
    bracketMatching(),
    closeBrackets(),
    keymap.of([...closeBracketsKeymap, { key: 'Shift-Alt-f', run: formatQuery }]),
  ];
}
