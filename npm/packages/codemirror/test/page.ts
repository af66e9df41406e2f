// The page of the editor tests: an editor as a host would have it.

import { acceptCompletion, autocompletion } from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
import { syntaxHighlighting } from '@codemirror/language';
import { lintKeymap, linter } from '@codemirror/lint';
import { EditorState } from '@codemirror/state';
import { EditorView, keymap } from '@codemirror/view';
import { classHighlighter } from '@lezer/highlight';
import { formatQuery, logbraidQuery } from 'logbraid-codemirror';
import type { LogbraidQueryOptions } from 'logbraid-codemirror';

declare global {
  var editor: EditorView;
  /** What went wrong inside the editor. */
  var failures: string[];
  function mount(doc: string, options?: EditOptions): void;
  function formatNow(): boolean;
}

/** What crosses into the page. */
export interface EditOptions extends Pick<LogbraidQueryOptions, 'planning'> {
  vocabulary?: Awaited<ReturnType<NonNullable<LogbraidQueryOptions['vocabulary']>>>;
  readOnly?: boolean;
  lineSeparator?: string;
  /** Milliseconds without a key after which the query is checked. */
  lintDelay?: number;
}

globalThis.failures = [];
let shown: EditorView | undefined;

export const mount: typeof globalThis.mount = (doc, options = {}) => {
  const { vocabulary = {}, planning, readOnly = false, lineSeparator, lintDelay } = options;
  shown?.destroy();
  shown = new EditorView({
    doc,
    parent: document.body,
    extensions: [
      history(),
      keymap.of([
        { key: 'Tab', run: acceptCompletion },
        ...defaultKeymap,
        ...historyKeymap,
        ...lintKeymap,
      ]),
      syntaxHighlighting(classHighlighter),
      EditorView.exceptionSink.of((failure) => failures.push(String(failure))),
      EditorState.readOnly.of(readOnly),
      lineSeparator === undefined ? [] : EditorState.lineSeparator.of(lineSeparator),
      linter(null, lintDelay === undefined ? {} : { delay: lintDelay }),
      // Keys of a test come faster than those of a person.
      autocompletion({ interactionDelay: 0 }),
      logbraidQuery({ vocabulary: () => vocabulary, planning }),
    ],
    selection: { anchor: doc.length },
  });
  globalThis.editor = shown;
  shown.focus();
};
globalThis.mount = mount;
globalThis.formatNow = () => formatQuery(editor);
