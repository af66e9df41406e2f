import type { HoverTooltipSource } from '@codemirror/view';
import { EditorView } from '@codemirror/view';
import { hover } from 'logbraid';

import { MAX_LENGTH, isLoaded } from './engine.js';
import { paragraph } from './prose.js';

/** What the engine says of the piece under the pointer. */
export const hoverSource: HoverTooltipSource = async ({ state }, pos, side) => {
  if (state.doc.length > MAX_LENGTH || !(await isLoaded())) return null;
  const found = hover(state.doc.toString(), pos);
  if (!found) return null;
  const { start, end } = found.span;
  const isBeside = side < 0 ? pos === start : pos === end;
  if (isBeside) return null;
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
