// What the scripts here share: made events of two services, in slots of a schedule.

import path from "node:path";
import { fileURLToPath } from "node:url";

import {
  highlight,
  parse,
} from "../../npm/packages/logbraid/dist/esm/index.js";
import {
  Workload,
  templatesOf,
} from "../../npm/packages/logbraid/dist/esm/cli/load/workload.js";
import { loadBackend } from "../../npm/packages/logbraid/dist/esm/platform/node.js";
import { plan } from "../../npm/packages/logbraid/dist/esm/query.js";

/** The command of the package, as built in this checkout. */
export const COMMAND = fileURLToPath(
  new URL("../../npm/packages/logbraid/bin/logbraid.js", import.meta.url),
);

/** The root of the repository. */
export const ROOT = path.join(
  path.dirname(fileURLToPath(import.meta.url)),
  "..",
  "..",
);

/** Instant of the first event, in milliseconds since the epoch. */
const START = Date.UTC(2026, 0, 1);

/**
 * Bytes of NDJSON by slot of `slotMs` and source, for a query over sources that do not select themselves.
 * `shape` is that of `logbraid load`.
 */
export function slots(query, seconds, slotMs, shape = {}) {
  const planned = plan(loadBackend(), query, {});
  const defaults = {
    rate: 1000,
    match: 0.8,
    repeat: 1,
    disorder: 0.05,
    late: 0,
    lateBy: 31_000,
    size: 220,
  };
  const full = { ...defaults, seed: 1, ...shape };
  const templates = templatesOf(
    query,
    parse(query),
    highlight(query),
    planned,
    [],
    full.seed,
  );
  const workload = new Workload(templates, full);
  const encoder = new TextEncoder();
  const made = [];
  let events = 0;
  for (let at = 1; at * slotMs <= seconds * 1000; at += 1) {
    const slot = workload.take(at * slotMs, START);
    events += slot.events;
    made.push(
      planned.sources.map((_, source) =>
        encoder.encode(slot.lines[source] ?? ""),
      ),
    );
  }
  if (events === 0) throw new Error(`no events are made for ${query}`);
  return {
    names: planned.sources.map(({ name }) => name),
    slots: made,
    events,
  };
}
