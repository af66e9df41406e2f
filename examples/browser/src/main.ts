// The page: its parts, and what they tell each other.
import { AdapterError, QueryError } from 'logbraid';

import { Announcer } from './announcer.js';
import { Counters } from './counters.js';
import { byId, setText, visible } from './dom.js';
import { startEngines } from './engine.js';
import { setUpExamples } from './examples.js';
import { setUpFilePicker } from './file-picker.js';
import { Findings } from './findings.js';
import { duration, number, plural } from './format.js';
import { Problems } from './problems.js';
import { QueryEditor } from './query-editor.js';
import { Runner } from './run.js';
import type { Ending } from './run.js';
import { loadShop } from './shop.js';
import type { Shop } from './shop.js';
import { Sources } from './sources.js';
import { SourcesPanel } from './sources-panel.js';

async function main(): Promise<void> {
  const [{ engine, inspector }, shop] = await Promise.all([startEngines(), loadShop()]);

  const announcer = new Announcer();
  const counters = new Counters();
  const problems = new Problems(engine);
  const findings = new Findings(announcer);
  const { results } = findings;

  const sources = new Sources(engine, inspector, (source) => {
    panel.update(source);
    if (source?.state.type !== 'reading') editor.refresh();
  });
  const panel = new SourcesPanel(sources);
  setUpFilePicker((files) => {
    const added = files.map((file) => sources.add(file));
    if (added.length > 0) announcer.say(`Added ${added.map(({ name }) => name).join(', ')}`);
  });

  let begun = 0;
  const runner = new Runner(engine, {
    started: (lanes, read) => {
      begun = performance.now();
      findings.start(lanes);
      problems.clear();
      const files = sources.all.filter(({ name }) => read.includes(name));
      counters.start(files.reduce((size, { file }) => size + file.size, 0));
      setRunning(true);
      tell('Running');
    },
    found: (correlation) => {
      findings.add(correlation);
      announcer.progress(() => `${plural(results.found, 'correlation')} so far`);
      scheduleCounters();
    },
    counted: (counted) => {
      counters.counted(counted);
      scheduleCounters();
    },
    ended: (ending) => {
      setRunning(false);
      counters.found(results);
      problems.draw();
      tell(...sayEnding(ending));
    },
  });

  const sayEnding = (ending: Ending): [string, string?] => {
    const partial = results.partial > 0 ? `, ${number(results.partial)} of them partial` : '';
    const found = `${plural(results.found, 'correlation')}${partial}`;
    const took = duration(Math.round(performance.now() - begun));
    if (ending.type === 'finished') return [`${found}, in ${took}`];
    if (ending.type === 'cancelled') return [`Cancelled after ${took}: ${found}`];
    return [`Failed: ${found} before that`, messageOf(ending.error)];
  };

  let countersScheduled = false;
  const scheduleCounters = () => {
    if (countersScheduled) return;
    countersScheduled = true;
    requestAnimationFrame(() => {
      countersScheduled = false;
      counters.found(results);
      problems.draw();
    });
  };

  const tell = (text: string, failure = '') => {
    setText(byId('status'), text);
    setText(byId('failure'), visible(failure));
    byId('failure').hidden = failure === '';
    announcer.say(failure === '' ? text : `${text}. ${failure}`);
  };

  const setRunning = (isRunning: boolean) => {
    byId('run', HTMLButtonElement).disabled = isRunning;
    byId('cancel', HTMLButtonElement).disabled = !isRunning;
    counters.setRunning(isRunning);
  };

  const run = () => {
    runner.run(editor.text);
  };
  const editor = new QueryEditor(() => sources.vocabulary(), run);
  byId('run').addEventListener('click', run);
  byId('cancel').addEventListener('click', () => {
    runner.cancel();
  });

  const trySomething = (query: string) => {
    addShop(shop, sources);
    editor.text = query;
    run();
  };
  byId('try').addEventListener('click', () => {
    const [first] = shop.questions;
    if (first) trySomething(first.query);
  });
  setUpExamples(shop.questions, trySomething);

  tell('Ready');
  document.body.classList.add('is-ready');
}

/** Adds the shop's logs under the names that its questions use, where those are not taken. */
function addShop({ logs }: Shop, sources: Sources): void {
  for (const { name, file } of logs) sources.add(file, name);
}

function messageOf(error: Error): string {
  if (error instanceof QueryError && error.diagnostics.length > 0) {
    return error.diagnostics.map(({ message }) => message).join('\n');
  }
  return error instanceof AdapterError
    ? `${error.message}. If its file has changed or gone since it was added, add it again.`
    : error.message;
}

main().catch((error: unknown) => {
  const why = error instanceof Error ? error.message : String(error);
  setText(byId('status'), 'The page cannot start');
  setText(byId('failure'), why);
  byId('failure').hidden = false;
});
