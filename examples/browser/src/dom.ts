type Child = Node | string | false | undefined;

/** The element of that id in the page, which is of that class. */
export function byId(id: string): HTMLElement;
export function byId<T extends HTMLElement>(id: string, type: new () => T): T;
export function byId(id: string, type = HTMLElement): HTMLElement {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`the page has no ${type.name} with the id ${id}`);
  return found;
}

/** An element; text becomes text nodes, never markup. */
export function element<T extends keyof HTMLElementTagNameMap>(
  tag: T,
  attributes: Readonly<Record<string, string | number | boolean | undefined>> = {},
  ...children: Child[]
): HTMLElementTagNameMap[T] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    made.setAttribute(name, value === true ? '' : String(value));
  }
  made.append(...children.filter((child) => child !== undefined && child !== false));
  return made;
}

/** Sets a text where it is another: nothing is laid out or read out anew for the same one. */
export function setText(target: Node, text: string): void {
  if (target.textContent !== text) target.textContent = text;
}

/** What hides in text or turns it around. */
const HIDDEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** Text of a log with what would hide in it made visible; tabs and line ends stay. */
export function visible(text: string): string {
  return text.replace(HIDDEN, (hidden) => {
    if (hidden === '\n' || hidden === '\t') return hidden;
    const code = hidden.codePointAt(0) ?? 0;
    // Controls have pictures of their own.
    return code < 0x20 ? String.fromCodePoint(0x2400 + code) : '\ufffd';
  });
}
