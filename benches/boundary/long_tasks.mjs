// A page that pushes events at a rate, with the engine in a Worker and with the engine in the page. Usage: SECONDS
// RATE; prints a line of JSON for each: how many events, correlations and long tasks there were.

import { runInPage } from "./page.mjs";

const [seconds, rate] = process.argv.slice(2).map(Number);

const script = `
  import { CorrelationEngine, createWorkerEngine, load } from "logbraid";
  const QUERY = 'a({}) and on(k) within(1s) b({})';
  /** Of a turn of the page, in milliseconds. */
  const TURN = 10;

  globalThis.run = async ({ seconds, rate, inWorker }) => {
    if (!inWorker) await load("/logbraid.wasm");
    const worker = () => new Worker("/worker.js", { type: "module" });
    const wasm = new URL("/logbraid.wasm", location.href);
    const options = { lateTolerance: "1s", emit: "eager" };
    const engine = inWorker
      ? createWorkerEngine({ ...options, worker, wasm })
      : new CorrelationEngine(options);
    const [a, b] = [engine.source("a"), engine.source("b")];
    let correlations = 0;
    const consumed = (async () => {
      for await (const { final } of engine.correlate(QUERY)) {
        if (final) correlations += 1;
      }
    })();
    const event = (at) => ({
      timestamp: Date.now(),
      message: "request " + at + " has come a long way to be shown to whoever looks for it",
      labels: { k: "request-" + at, service: "shop", level: "info" },
    });
    await engine.metrics();
    let [longTasks, longest] = [0, 0];
    const observer = new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) {
        longTasks += 1;
        longest = Math.max(longest, duration);
      }
    });
    observer.observe({ type: "longtask" });
    const begun = performance.now();
    let sent = 0;
    while (performance.now() - begun < seconds * 1000) {
      const due = ((performance.now() - begun) / 1000) * rate;
      const events = [];
      for (; sent + events.length * 2 < due;) events.push(event(sent / 2 + events.length));
      sent += events.length * 2;
      await Promise.all([a.push(events), b.push(events.map((one) => ({ ...one })))]);
      await new Promise((resolve) => setTimeout(resolve, TURN));
    }
    observer.disconnect();
    a.end();
    b.end();
    await consumed;
    const { events } = await engine.metrics();
    await engine.destroy();
    return { inWorker, sent, events, correlations, longTasks, longest };
  };
`;
for (const inWorker of [true, false]) {
  const row = await runInPage(script, { seconds, rate, inWorker });
  if (row.sent !== row.events || row.correlations * 2 !== row.sent) {
    throw new Error(`not all was found: ${JSON.stringify(row)}`);
  }
  console.log(JSON.stringify(row));
}
