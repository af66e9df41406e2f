import { Language, defineLanguageFacet, languageDataProp } from '@codemirror/language';
import { Compartment } from '@codemirror/state';
import type { Extension } from '@codemirror/state';
import { ViewPlugin, logException } from '@codemirror/view';
import type { Input, PartialParse } from '@lezer/common';
import { NodeSet, NodeType, Parser, Tree } from '@lezer/common';
import { styleTags, tags } from '@lezer/highlight';
import { highlight, load } from 'logbraid';

import { MAX_LENGTH, answers } from './engine.js';

/** What the kinds of the engine's tokens are to a theme. */
const TAGS = {
  operator: tags.operatorKeyword,
  keyword: tags.keyword,
  source: tags.namespace,
  name: tags.variableName,
  label: tags.labelName,
  function: tags.function(tags.variableName),
  text: tags.string,
  duration: tags.number,
  number: tags.number,
  comparison: tags.compareOperator,
  punctuation: tags.punctuation,
  comment: tags.lineComment,
};

// Where the engine is not asked: what a key press adds to the text. The tests hold both to it.
const data = defineLanguageFacet({
  commentTokens: { line: '#' },
  closeBrackets: { brackets: ['(', '[', '{', '"', "'", '`'] },
});

const kinds = Object.keys(TAGS);
const nodes = new NodeSet([
  NodeType.define({ id: 0, name: 'query', top: true, props: [[languageDataProp, data]] }),
  ...kinds.map((name, at) => NodeType.define({ id: at + 1, name, props: [styleTags(TAGS)] })),
]);

/** A flat tree of the engine's tokens: what it means to be one is known to the engine alone. */
class Tokens extends Parser {
  createParse(input: Input): PartialParse {
    return {
      parsedPos: 0,
      stoppedAt: null,
      // A token depends on all that stands before it, and a query is short: it is read as a whole.
      stopAt: () => undefined,
      advance: () => tree(input.read(0, Math.min(input.length, MAX_LENGTH)), input.length),
    };
  }
}

function tree(query: string, length: number): Tree {
  const buffer = highlight(query).flatMap(({ kind, span }) => {
    const id = kinds.indexOf(kind) + 1;
    return id > 0 ? [id, span.start, span.end, 4] : [];
  });
  return Tree.build({ buffer, nodeSet: nodes, topID: 0, length });
}

const language = new Language(data, new Tokens(), [], 'logbraid');

/** The language, once the engine is loaded; until then the query is plain text. */
export function languageOnceLoaded(): Extension {
  if (answers(() => highlight(''))) return language;
  const slot = new Compartment();
  const plugin = ViewPlugin.define((view) => {
    let hasFailed = false;
    let isTold = false;
    const attempt = () => {
      hasFailed = false;
      load().then(
        () => {
          view.dispatch({ effects: slot.reconfigure(language) });
        },
        (error: unknown) => {
          hasFailed = true;
          if (!isTold) logException(view.state, error, 'loading the engine of logbraid');
          isTold = true;
        },
      );
    };
    attempt();
    return {
      update: ({ docChanged }) => {
        if (docChanged && hasFailed) attempt();
      },
    };
  });
  return [slot.of([]), plugin];
}
