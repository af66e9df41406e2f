// How wide text is on a terminal; what tells that takes megabytes, so that only what draws imports it.
import stringWidth from 'string-width';

export { stringWidth };

/** Cuts text to a number of columns, marking the cut. */
export function cut(text: string, columns: number): string {
  if (text.length <= columns && stringWidth(text) <= columns) {
    return text;
  }
  let width = 0;
  let kept = '';
  // A character is never wider than two columns, so what follows cannot fit.
  for (const char of text.slice(0, columns * 2)) {
    width += stringWidth(char);
    if (width >= columns) break;
    kept += char;
  }
  return `${kept}…`;
}

/** Pads text to a number of columns. */
export function pad(text: string, columns: number): string {
  return text + ' '.repeat(Math.max(columns - stringWidth(text), 0));
}
