import { byId, element } from './dom.js';
import type { Question } from './shop.js';

/** Room between the button and what it opens, in pixels. */
const GAP = 4;

/** Fills the menu of examples; `choose` is told the query of the one that is chosen. */
export function setUpExamples(
  questions: readonly Question[],
  choose: (query: string) => void,
): void {
  const menu = byId('examples');
  const items = questions.map(({ title, query }) => {
    const button = element(
      'button',
      { type: 'button', class: 'quiet' },
      element('b', {}, title),
      element('code', {}, query),
    );
    button.addEventListener('click', () => {
      menu.hidePopover();
      choose(query);
    });
    return element('li', {}, button);
  });
  menu.append(element('ul', {}, ...items));
  menu.addEventListener('beforetoggle', () => {
    const { bottom, right } = byId('show-examples').getBoundingClientRect();
    menu.style.top = `${bottom + GAP}px`;
    menu.style.right = `${document.documentElement.clientWidth - right}px`;
    menu.style.maxHeight = `calc(100vh - ${bottom + 3 * GAP}px)`;
  });
}
