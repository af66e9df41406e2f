import type { HoverTooltipSource } from '@codemirror/view';
import { EditorView } from '@codemirror/view';
import { hover } from 'logbraid';

import { MAX_LENGTH, isLoaded } from './engine.js';
import { paragraph } from './prose.js';

/** What the engine says of the piece under the pointer. */
export const hoverSource: HoverTooltipSource = async ({ state }, pos, side) => {
  if (state.doc.length > MAX_LENGTH || !(await isLoaded())) return null;
  // The character that the pointer is on, of the two at a place.
  const found = hover(state.doc.toString(), side < 0 ? Math.max(pos - 1, 0) : pos);
  if (!found) return null;
  const { start, end } = found.span;
  return {
    pos: start,
    end,
    create: () => {
      const dom = paragraph(found.text);
      dom.className = 'cm-logbraid-hover';
      return { dom };
    },
  };
};

export const hoverTheme = EditorView.baseTheme({
  '.cm-logbraid-hover': { padding: '3px 6px', maxWidth: '40em' },
});
