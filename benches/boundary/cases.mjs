// What crossing between JavaScript and the engine costs, beside JSON.parse of the same bytes: the same cases in
// Node and in a browser, so that this file has nothing that only one of them has.

const BLOCK = 256 << 10;
const PUSH = 256;
const QUERY =
  'file({service="frontend"})[5m] and on(request_id) within(30s) file({service="backend"})[5m]';

/** Milliseconds in calls of the engine, of which there are some hundred in a run: this costs nothing. */
const spent = { taking: 0, giving: 0 };
const GIVING = new Set(["drain", "headJson", "eventsJson"]);

/** Has the calls of a class of correlators add up what they take. */
export function watch({ prototype }) {
  for (
    let at = prototype;
    at !== Object.prototype;
    at = Object.getPrototypeOf(at)
  ) {
    for (const name of Object.getOwnPropertyNames(at)) {
      const call = at[name];
      if (name === "constructor" || typeof call !== "function") continue;
      const kind = GIVING.has(name) ? "giving" : "taking";
      prototype[name] = function (...values) {
        const start = performance.now();
        try {
          return call.apply(this, values);
        } finally {
          spent[kind] += performance.now() - start;
        }
      };
    }
  }
}

/** Every line as an object: the fastest way there is. */
function parse(bytes) {
  const decoder = new TextDecoder();
  const all = [];
  let from = 0;
  while (from < bytes.length) {
    const to =
      bytes.lastIndexOf(10, Math.min(from + BLOCK, bytes.length) - 1) + 1;
    const text = decoder.decode(bytes.subarray(from, to - 1));
    for (const event of JSON.parse(`[${text.replaceAll("\n", ",")}]`))
      all.push(event);
    from = to;
  }
  return all;
}

/** The cases for bytes of NDJSON, with engines that `make` makes. */
function casesOf(bytes, make) {
  const blocks = [];
  for (let at = 0; at < bytes.length; at += BLOCK)
    blocks.push(bytes.subarray(at, at + BLOCK));
  const objects = parse(bytes);
  /** A finished source of blocks in memory. */
  const inBlocks = {
    bounded: true,
    selects: false,
    getName: () => "file",
    validateQuery: () => true,
    destroy: () => Promise.resolve(),
    async *createStream() {
      yield* blocks;
    },
  };
  let characters = 0;

  /** Answers the query over a source; `read` sees each result. Returns how many there are. */
  async function answer(source, read, feed) {
    const engine = make({ maxMemoryMB: 1000 });
    if (source !== undefined) engine.addAdapter("file", source);
    const fed = feed?.(engine.source("file"));
    let count = 0;
    for await (const correlation of engine.correlate(QUERY, {
      emit: "final",
    })) {
      read(correlation);
      count += 1;
    }
    await fed;
    await engine.destroy();
    return count;
  }

  const nothing = () => {};
  const everything = (correlation) => {
    for (const event of correlation.events) {
      characters += event.message.length + event.labels.request_id.length;
    }
  };
  const pushing = (events) => async (source) => {
    for (let at = 0; at < events.length; at += PUSH) {
      await source.push(events.slice(at, at + PUSH));
    }
    source.end();
  };
  // V8 gives such a copy a hidden class of its own, so that no access to it is ever a cached one.
  const copies = objects.map((event) => ({ ...event, source: "file" }));
  const cases = [
    { name: "JSON.parse", run: () => parse(bytes).length },
    {
      name: "bytes in, results counted",
      run: () => answer(inBlocks, nothing),
    },
    { name: "bytes in, results read", run: () => answer(inBlocks, everything) },
    {
      name: "an array of objects in, results counted",
      run: () => answer(objects, nothing),
    },
    {
      name: "objects pushed, results counted",
      run: () => answer(undefined, nothing, pushing(objects)),
    },
    {
      name: "objects pushed, results read",
      run: () => answer(undefined, everything, pushing(objects)),
    },
    {
      name: "objects copied with `...` and pushed, results counted",
      run: () => answer(undefined, nothing, pushing(copies)),
    },
  ];
  return { cases, events: objects.length, read: () => characters };
}

/**
 * Runs all cases so many times, after one round to warm up. Gives of each the nanoseconds an event of each
 * round, and how many of them were spent in calls of the engine that take input (`taking`) and in those that
 * give results (`giving`).
 */
export async function measure(bytes, rounds, make) {
  const { cases, events, read } = casesOf(bytes, make);
  const found = new Map();
  for (let round = 0; round <= rounds; round += 1) {
    for (const entry of cases) {
      spent.taking = spent.giving = 0;
      const start = performance.now();
      const count = await entry.run();
      const took = { ns: performance.now() - start, ...spent };
      for (const [what, ms] of round > 0 ? Object.entries(took) : []) {
        (entry[what] ??= []).push((ms * 1e6) / events);
      }
      found.set(entry.name, count);
    }
  }
  const counts = new Set([...found].slice(1).map(([, count]) => count));
  if (counts.size !== 1 || counts.has(0) || read() === 0) {
    throw new Error(`the answers differ: ${JSON.stringify([...found])}`);
  }
  return cases.map(({ name, ns, taking, giving }) => ({
    name,
    ns,
    taking,
    giving,
  }));
}
