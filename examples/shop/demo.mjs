// Answers the nine questions of README.md with the logbraid command, and holds the counts to those
// that stand there. Run it with: cargo xtask demo
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const path = (relative) => fileURLToPath(new URL(relative, import.meta.url));

const LOGBRAID = path("../../npm/packages/logbraid/bin/logbraid.js");

const FILES = {
  edge: path("nginx-access.ndjson"),
  app: path("app.ndjson"),
  postgresql: path("postgresql.log"),
};

/** In the order of the README. */
const QUERIES = [
  "edge({})[5m] and on(request_id) app({})[5m]",
  "edge({})[5m] unless on(request_id) app({})[5m]",
  "edge({})[5m] and on(request_id) app({})[5m] and on(request_id) postgresql({})[5m]",
  'app({level=~"error|fatal"})[5m] and on(request_id) postgresql({} |= "STATEMENT:")[5m]',
  'edge({status=~"5.."})[5m] unless on(request_id) app({} |= "request completed")[5m]',
  'app({} |= "request started")[5m] and on(request_id) within(10ms) edge({})[5m]',
  'app({} |= "request started")[5m] and on(request_id) within(0s, 5ms) edge({})[5m]',
  'app({} |= "request started")[5m] and on(request_id) within(2ms) postgresql({})[5m]',
  'edge({status="500"})[5m] as a and on(remote_addr) within(200ms) edge({status="502"})[5m] as b',
];

/** The rows of the README's table of questions: text and the two counts. */
function questions() {
  const readme = readFileSync(path("README.md"), "utf8");
  const rows = [...readme.matchAll(/^\| (.+?) \| (\d+) \| (\d+) \|$/gm)];
  return rows.map(([, text, correlations, events]) => ({
    text,
    correlations,
    events,
  }));
}

/** Runs a query; gives what it printed, and its own figures where it came to an end. */
function logbraid(query, ...options) {
  const sources = Object.entries(FILES).filter(([name]) =>
    query.includes(`${name}(`),
  );
  const files = sources.flatMap(([name, file]) => [
    "--file",
    `${name}=${file}`,
  ]);
  const args = [LOGBRAID, "run", query, ...files, "--stats", ...options];
  const env = {
    ...process.env,
    ...(process.stdout.isTTY && { FORCE_COLOR: "1" }),
  };
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    encoding: "utf8",
    env,
  });
  const told = stderr.trimEnd().split("\n");
  const stats =
    status === 0 || status === 1 ? JSON.parse(told.pop()) : undefined;
  for (const line of told) if (line !== "") console.log(`   ${line}`);
  return { stdout, stats };
}

const asked = questions();
if (asked.length !== QUERIES.length) {
  throw new Error(
    `README.md asks ${asked.length} questions, and there are ${QUERIES.length} queries`,
  );
}
let wrong = 0;
let events = 0;
let seconds = 0;
let memory = 0;
for (const [at, query] of QUERIES.entries()) {
  const { text, ...expected } = asked[at];
  console.log(`${at + 1}. ${text}\n   ${query}`);
  const { stdout, stats } = logbraid(query, "--output", "count");
  const [, correlations, found] =
    /^(\d+) correlations?, (\d+) events?$/.exec(stdout.trim()) ?? [];
  const right =
    correlations === expected.correlations && found === expected.events;
  wrong += right ? 0 : 1;
  const verdict = right
    ? "as the README says"
    : `WRONG: the README says ${expected.correlations} and ${expected.events}`;
  console.log(
    `   ${stdout.trim()} in ${Math.round(stats.seconds * 1000)} ms: ${verdict}`,
  );
  events += stats.events;
  seconds += stats.seconds;
  memory = Math.max(memory, stats.processBytes);
  const first = logbraid(query, "--output", "timeline", "--limit", "1").stdout;
  console.log(
    `   the first of them:\n${first.trimEnd().replace(/^/gm, "     ")}\n`,
  );
}
const rate = Math.round(events / seconds).toLocaleString("en");
const total = events.toLocaleString("en");
console.log(
  `${total} events in ${seconds.toFixed(2)} s, ${rate} events/s, from the first byte read to the last ` +
    `result; peak memory of a process ${(memory / 2 ** 20).toFixed(0)} MiB, Node.js included`,
);
if (wrong > 0) {
  console.error(`${wrong} of ${QUERIES.length} answers are wrong`);
  process.exit(1);
}
