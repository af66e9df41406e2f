// Which process of an Electron program to put the engine in: how many events a second a page has joined, and how late
// turns of the event loops of main and of the page come meanwhile. Two logs are read as files, by main itself, by a
// utility process, or by the page for an engine of WebAssembly in its Worker. Each process is one of Node.js, and
// what passes between them is what passes in Electron; medians of rounds that take turns.
//
//   node benches/node/electron.mjs [--events 400000] [--match 0.1] [--rounds 3] [--json]

import { Buffer } from "node:buffer";
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, openAsBlob, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setImmediate } from "node:timers";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { FileAdapter } from "../../npm/packages/logbraid/dist/esm/adapters/file.js";
import { serveWindows } from "../../npm/packages/logbraid/dist/esm/electron/main.js";
import { engineOf } from "../../npm/packages/logbraid/dist/esm/electron/renderer.js";
import { createWorkerEngine } from "../../npm/packages/logbraid/dist/esm/index.js";
import { slots } from "./workload.mjs";

const QUERY =
  'frontend({service="frontend"})[1m] and on(request_id) within(5s) backend({service="backend"})[1m]';

/** Events a second of event time, over both logs. */
const RATE = 20_000;

/** How often event loops are asked for a turn, in milliseconds. */
const EVERY_MS = 1;

const SCRIPT = fileURLToPath(import.meta.url);

const { values } = parseArgs({
  options: {
    events: { type: "string", default: "400000" },
    match: { type: "string", default: "0.1" },
    rounds: { type: "string", default: "3" },
    json: { type: "boolean", default: false },
    /** What a process is that this one has started: its files, and whether it runs engines. */
    serve: { type: "string" },
  },
});

/** How late turns of the event loop come from now on, in milliseconds, until asked. */
function watchLoop() {
  const delay = monitorEventLoopDelay({ resolution: EVERY_MS });
  delay.enable();
  return () => {
    delay.disable();
    const late = (nanos) => Math.max(nanos / 1e6 - EVERY_MS, 0);
    return {
      p50: late(delay.percentile(50)),
      p99: late(delay.percentile(99)),
      max: late(delay.max),
    };
  };
}

/** A channel between processes, as a `MessagePortMain`. */
function mainPort(channel) {
  return {
    postMessage: (message) => channel.send(message),
    on(event, listener) {
      if (event === "close") channel.on("disconnect", listener);
      else channel.on("message", (data) => listener({ data, ports: [] }));
    },
    start: () => undefined,
    close: () => channel.connected && channel.disconnect(),
  };
}

/** The same as a page has it. */
function pagePort(channel) {
  return {
    postMessage: (message) => channel.send(message),
    addEventListener(event, listener) {
      if (event === "close") channel.on("disconnect", listener);
      else channel.on("message", (data) => listener({ data }));
    },
    close: () => channel.connected && channel.disconnect(),
  };
}

/** Runs as main, or as a utility process; tells of its event loop in the end. */
function runProcess({ files, engines }) {
  let told;
  process.once("message", () => {
    // Once it has loaded what it needs.
    setImmediate(() => (told = watchLoop()));
  });
  process.on("disconnect", () => {
    console.log(JSON.stringify(told()));
    process.exit();
  });
  if (!engines) return;
  const sources = () =>
    Object.fromEntries(
      Object.entries(files).map(([name, file]) => [
        name,
        new FileAdapter(file),
      ]),
    );
  const engine = { maxMemoryMB: 256 };
  const server = serveWindows({ sources, engine, totalMemoryMB: 1024 });
  server.connect(mainPort(process), { frame: 1, webContents: 1, url: "" });
}

/** Starts a process. */
function startProcess(files, engines) {
  const serve = JSON.stringify({ files, engines });
  const child = fork(SCRIPT, ["--serve", serve], {
    serialization: "advanced",
    stdio: ["ignore", "pipe", "inherit", "ipc"],
  });
  let text = "";
  child.stdout.on("data", (data) => (text += String(data)));
  return {
    child,
    async end() {
      const ended = once(child.stdout, "end");
      if (child.connected) child.disconnect();
      await ended;
      return JSON.parse(text);
    },
  };
}

/** Where engines run: whether main does, whether another process does, and what the page has of it. */
const PLACES = {
  "in main": {
    main: true,
    engine: (main) => engineOf(pagePort(main.child)),
  },
  "in a utility process": {
    utility: true,
    engine: (_, utility) => engineOf(pagePort(utility.child)),
  },
  "wasm in a Worker of the page": {
    engine: async (main, utility, files) => {
      const engine = createWorkerEngine({ backend: "wasm", maxMemoryMB: 256 });
      for (const [name, file] of Object.entries(files)) {
        engine.addAdapter(name, await openAsBlob(file));
      }
      return engine;
    },
  },
};

/** Has a page ask once. */
async function measure(
  { main: inMain = false, utility, engine },
  { files, events },
) {
  const main = startProcess(files, inMain);
  const other = utility && startProcess(files, true);
  const asked = await engine(main, other, files);
  // So that everything is loaded.
  await asked.metrics();
  if (!inMain) main.child.send("watch");
  await sleep(50);
  const page = watchLoop();
  const begun = performance.now();
  let correlations = 0;
  for await (const { joinValue } of asked.correlate(QUERY, { emit: "final" })) {
    correlations += joinValue === "" ? 0 : 1;
  }
  const seconds = (performance.now() - begun) / 1000;
  const told = { page: page() };
  await asked.destroy();
  await other?.end();
  told.main = await main.end();
  return { eventsPerSecond: events / seconds, correlations, ...told };
}

const median = (list) =>
  list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)];

/** The median of each figure. */
function medians(runs) {
  const [first] = runs;
  const entries = Object.keys(first).map((name) => {
    const all = runs.map((run) => run[name]);
    return [name, typeof first[name] === "object" ? medians(all) : median(all)];
  });
  return Object.fromEntries(entries);
}

async function runBench() {
  const folder = mkdtempSync(path.join(tmpdir(), "logbraid-electron-"));
  try {
    const shape = { rate: RATE, match: Number(values.match) };
    const made = slots(QUERY, Number(values.events) / RATE, 1000, shape);
    const files = {};
    for (const [source, name] of made.names.entries()) {
      files[name] = path.join(folder, `${name}.ndjson`);
      const bytes = made.slots.map((slot) => slot[source]);
      writeFileSync(files[name], Buffer.concat(bytes));
    }
    const runs = Object.keys(PLACES).map(() => []);
    for (let round = 0; round < Number(values.rounds); round += 1) {
      for (const [at, place] of Object.values(PLACES).entries()) {
        runs[at].push(await measure(place, { files, events: made.events }));
      }
    }
    const names = Object.keys(PLACES);
    const report = runs.map((all, at) => ({
      engine: names[at],
      ...medians(all),
    }));
    if (values.json) console.log(JSON.stringify(report, null, 2));
    else printTable(report, made.events);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function printTable(report, events) {
  const row = (name, cells) =>
    name.padEnd(30) + cells.map((cell) => cell.padStart(11)).join("");
  const delays = ["p50", "p99", "max"];
  const heads = ["main", "page"].flatMap((of) =>
    delays.map((one) => `${of} ${one}`),
  );
  console.log(row("the engine is", ["events/s", ...heads]));
  for (const { engine, eventsPerSecond, main, page } of report) {
    const late = [main, page].flatMap((loop) =>
      delays.map((one) => loop[one].toFixed(2)),
    );
    console.log(row(engine, [String(Math.round(eventsPerSecond)), ...late]));
  }
  console.log(
    `${report[0].correlations} correlations of ${events} events; delays in ms`,
  );
}

if (values.serve) runProcess(JSON.parse(values.serve));
else await runBench();
