// The page: a query, and what comes of it. Its engine is in another process; this only shows.
import { connectEngine } from 'logbraid/electron/renderer';

/** Lines that are shown; of the others, the page only keeps the text. */
const SHOWN = 500;

const element = (id) => document.getElementById(id);
const [query, state, results] = ['query', 'state', 'results'].map(element);
/** After the page has run out of memory, main says fewer. */
const kept = Number(new URLSearchParams(location.search).get('kept'));

let engine;
let abort = new AbortController();

/** The engine of this window; another, after its process has ended. */
async function connected() {
  if (engine === undefined) {
    engine = await connectEngine();
    engine.once('memoryWarning', ({ usedMB, maxMB }) => {
      console.warn(`the engine holds ${usedMB} MiB, and may hold ${maxMB}`);
    });
  }
  return engine;
}

async function run() {
  abort.abort();
  abort = new AbortController();
  const { signal } = abort;
  const texts = [];
  let [found, drawn] = [0, 0];
  const draw = () => {
    // Text of a log becomes text nodes, never markup.
    for (; drawn < Math.min(texts.length, SHOWN); drawn += 1) {
      const item = document.createElement('li');
      item.textContent = texts[drawn];
      results.append(item);
    }
    state.value = `${found} correlations`;
  };
  results.replaceChildren();
  state.value = '';
  try {
    for await (const correlation of (await connected()).correlate(query.value, { signal })) {
      found += 1;
      if (texts.length < kept) {
        texts.push(
          correlation.events.map(({ alias, message }) => `${alias}: ${message}`).join('\n'),
        );
      }
      if (found % 256 === 0) draw();
    }
    draw();
  } catch (error) {
    if (signal.aborted) return;
    if (error.code === 'BACKEND_UNAVAILABLE') engine = undefined;
    state.value = error.message;
  }
}

document.forms[0].addEventListener('submit', (event) => {
  event.preventDefault();
  void run();
});
element('stop').addEventListener('click', () => abort.abort());
