import { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
import { forEachDiagnostic, setDiagnosticsEffect } from '@codemirror/lint';
import { Compartment, Prec } from '@codemirror/state';
import { EditorView, keymap, placeholder } from '@codemirror/view';
import type { Vocabulary } from 'logbraid';
import { logbraidQuery } from 'logbraid-codemirror';

import { byId, element, visible } from './dom.js';
import { queryTheme } from './query-theme.js';

const EXAMPLE = 'edge({})[5m] and on(request_id) app({})[5m]';

/** Where the query is written, and what is wrong with it. */
export class QueryEditor {
  readonly #view: EditorView;
  readonly #language = new Compartment();
  readonly #vocabulary: () => Promise<Vocabulary>;
  readonly #diagnostics = byId('diagnostics');

  /** `run` is told that the query is to run. */
  constructor(vocabulary: () => Promise<Vocabulary>, run: () => void) {
    this.#vocabulary = vocabulary;
    const host = byId('query');
    // Only there does the editor make its styles in a way that the policy of the page allows.
    const root = host.attachShadow({ mode: 'open', delegatesFocus: true });
    const runs = {
      key: 'Mod-Enter',
      run: () => {
        run();
        return true;
      },
    };
    this.#view = new EditorView({
      root,
      parent: root,
      extensions: [
        Prec.highest(keymap.of([runs])),
        history(),
        keymap.of([...defaultKeymap, ...historyKeymap]),
        EditorView.lineWrapping,
        EditorView.contentAttributes.of({
          'aria-label': 'Query',
          'aria-keyshortcuts': 'Control+Enter',
        }),
        placeholder(EXAMPLE),
        queryTheme,
        typingOver,
        this.#language.of(logbraidQuery({ vocabulary })),
        EditorView.updateListener.of(({ transactions }) => {
          const effects = transactions.flatMap((transaction) => transaction.effects);
          if (effects.some((effect) => effect.is(setDiagnosticsEffect))) this.#list();
        }),
      ],
    });
  }

  get text(): string {
    return this.#view.state.doc.toString();
  }

  set text(query: string) {
    const { doc } = this.#view.state;
    this.#view.dispatch({ changes: { from: 0, to: doc.length, insert: query } });
  }

  /** The sources have changed: the vocabulary is asked anew. */
  refresh(): void {
    const language = logbraidQuery({ vocabulary: this.#vocabulary });
    this.#view.dispatch({ effects: this.#language.reconfigure(language) });
  }

  #list(): void {
    const { state } = this.#view;
    const items: HTMLElement[] = [];
    forEachDiagnostic(state, ({ severity, message }, from, to) => {
      const line = state.doc.lineAt(from);
      const text = `${severity} at ${line.number}:${from - line.from + 1}: ${visible(message)}`;
      const button = element('button', { type: 'button', class: `quiet is-${severity}` }, text);
      button.addEventListener('click', () => {
        this.#view.dispatch({ selection: { anchor: from, head: to }, scrollIntoView: true });
        this.#view.focus();
      });
      items.push(element('li', {}, button));
    });
    this.#diagnostics.replaceChildren(...items);
  }
}

/**
 * Text that takes the place of other text goes to the editor at once. On its way through the page Chromium would
 * give it the style of what it replaces, as markup, and the policy of the page would have that told as an error.
 */
const typingOver = EditorView.domEventHandlers({
  beforeinput: ({ inputType, data }, view) => {
    const { from, to, empty } = view.state.selection.main;
    if (inputType !== 'insertText' || data === null || empty) return false;
    const insert = () =>
      view.state.update(view.state.replaceSelection(data), {
        userEvent: 'input.type',
        scrollIntoView: true,
      });
    const handlers = view.state.facet(EditorView.inputHandler);
    const isHandled = handlers.some((handle) => handle(view, from, to, data, insert));
    if (!isHandled) view.dispatch(insert());
    return true;
  },
});
