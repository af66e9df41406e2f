/**
 * Text of the engine as an element: one paragraph of Markdown that marks nothing but code. Names and values from
 * logs can stand in it, so it becomes text nodes and never markup.
 */
export function paragraph(text: string): HTMLElement {
  const element = document.createElement('div');
  const pieces = text.split(/`([^`]+)`/).map((piece, at) => {
    if (at % 2 === 0) return piece;
    const code = document.createElement('code');
    code.textContent = piece;
    return code;
  });
  element.append(...pieces);
  return element;
}
