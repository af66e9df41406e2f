import { HighlightStyle, syntaxHighlighting } from '@codemirror/language';
import { EditorView } from '@codemirror/view';
import { tags } from '@lezer/highlight';

/** The editor in the colors of the style sheet, which knows whether it is dark. */
const theme = EditorView.theme({
  '&': {
    color: 'var(--text)',
    backgroundColor: 'var(--surface)',
    border: '1px solid var(--edge)',
    borderRadius: '6px',
    fontSize: '13px',
  },
  '&.cm-focused': { outline: '2px solid var(--accent)', outlineOffset: '1px' },
  '.cm-scroller': { fontFamily: 'var(--mono)', lineHeight: '1.5', maxHeight: '30vh' },
  '.cm-content': { padding: '6px 4px', minHeight: '52px', caretColor: 'var(--text)' },
  '.cm-placeholder': { color: 'var(--muted)' },
  '.cm-cursor': { borderLeftColor: 'var(--text)' },
  '&.cm-focused .cm-matchingBracket': { backgroundColor: 'var(--chosen)' },
  '&.cm-focused .cm-nonmatchingBracket': { backgroundColor: 'var(--error-surface)' },
  // Drawn without the images that come with the editor, which the policy of the page does not allow.
  '.cm-lintRange-error, .cm-lintRange-warning': { backgroundImage: 'none' },
  '.cm-lintRange-error': { textDecoration: 'underline wavy var(--error) 1px' },
  '.cm-lintRange-warning': { textDecoration: 'underline wavy var(--partial) 1px' },
  '.cm-tooltip': {
    color: 'var(--text)',
    backgroundColor: 'var(--surface)',
    border: '1px solid var(--edge)',
    borderRadius: '6px',
  },
  '.cm-tooltip.cm-tooltip-autocomplete > ul': { fontFamily: 'var(--mono)', fontSize: '12.5px' },
  '.cm-tooltip.cm-tooltip-autocomplete > ul > li': { padding: '2px 6px' },
  '.cm-tooltip.cm-tooltip-autocomplete > ul > li[aria-selected]': {
    color: 'var(--text)',
    backgroundColor: 'var(--chosen)',
  },
  '.cm-completionDetail': { color: 'var(--muted)', fontFamily: 'var(--sans)' },
  '.cm-completionIcon': { display: 'none' },
});

const highlighting = HighlightStyle.define([
  { tag: tags.operatorKeyword, color: 'var(--lane-3)', fontWeight: '600' },
  { tag: tags.keyword, color: 'var(--lane-3)' },
  { tag: tags.namespace, color: 'var(--lane-0)', fontWeight: '600' },
  { tag: tags.labelName, color: 'var(--accent)' },
  { tag: tags.string, color: 'var(--lane-1)' },
  { tag: tags.number, color: 'var(--lane-4)' },
  { tag: tags.lineComment, color: 'var(--muted)', fontStyle: 'italic' },
]);

export const queryTheme = [theme, syntaxHighlighting(highlighting)];
