// Answers the nine questions of README.md with the logbraid command, and holds the counts to those
// that stand there. Run it with: cargo xtask demo
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

import { LOGS, questions } from "./questions.mjs";

const path = (relative) => fileURLToPath(new URL(relative, import.meta.url));

const LOGBRAID = path("../../npm/packages/logbraid/bin/logbraid.js");

/** Runs a query; gives what it printed, and its own figures where it came to an end. */
function logbraid(query, ...options) {
  const sources = Object.entries(LOGS).filter(([name]) =>
    query.includes(`${name}(`),
  );
  const files = sources.flatMap(([name, file]) => [
    "--file",
    `${name}=${path(file)}`,
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

let wrong = 0;
let events = 0;
let seconds = 0;
let memory = 0;
const asked = questions();
for (const [at, { text, query, ...expected }] of asked.entries()) {
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
  console.error(`${wrong} of ${asked.length} answers are wrong`);
  process.exit(1);
}
