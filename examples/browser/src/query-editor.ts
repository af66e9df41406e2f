import { validate } from 'logbraid';
import type { Diagnostic } from 'logbraid';

import { byId, element, visible } from './dom.js';

/** Where the query is written, and what is wrong with it. */
export class QueryEditor {
  readonly #input = byId('query', HTMLTextAreaElement);
  readonly #diagnostics = byId('diagnostics');

  /** `run` is told that the query is to run. */
  constructor(run: () => void) {
    this.#input.addEventListener('input', () => {
      this.#check();
    });
    this.#input.addEventListener('keydown', (event) => {
      if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      run();
    });
  }

  get text(): string {
    return this.#input.value;
  }

  set text(query: string) {
    this.#input.value = query;
    this.#check();
  }

  focus(): void {
    this.#input.focus();
  }

  #check(): void {
    const { diagnostics } = this.text.trim() === '' ? { diagnostics: [] } : validate(this.text);
    this.#input.setAttribute(
      'aria-invalid',
      String(diagnostics.some(({ severity }) => severity === 'error')),
    );
    this.#diagnostics.replaceChildren(...diagnostics.map((one) => this.#item(one)));
  }

  #item({ severity, message, suggestion, line, column, span }: Diagnostic): HTMLElement {
    const told = suggestion === null ? message : `${message}; ${suggestion}`;
    const button = element(
      'button',
      { type: 'button', class: `quiet ${severity === 'error' ? 'problem' : 'warning'}` },
      `${severity} at ${line}:${column}: ${visible(told)}`,
    );
    button.addEventListener('click', () => {
      this.#input.focus();
      this.#input.setSelectionRange(span.start, span.end);
    });
    return element('li', {}, button);
  }
}
