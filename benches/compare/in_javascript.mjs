// The same questions by hand in JavaScript: JSON.parse and a Map. Usage: FILE within|ranges
//
// Streams the file in blocks; a key is settled and forgotten once nothing can reach it any more. Exact,
// also where a key outlives the window and where lines are up to TOLERANCE out of order.

import { Buffer } from "node:buffer";
import { openSync, readSync } from "node:fs";

const BLOCK = 256 << 10;
const TOLERANCE = 30_000;
const [file, question] = process.argv.slice(2);
const within = question === "within" ? 30_000 : 300_000;

/** By key: its events as time * 2 + side, the last time, and when to look at it again. */
const open = new Map();
let newest = 0;
let correlations = 0;
let events = 0;

// Date.parse costs as much as the join: times of one minute share a prefix.
let minute = "-";
let minuteMs = 0;
function time(text) {
  if (!text.startsWith(minute)) {
    minute = text.slice(0, 16);
    minuteMs = Date.parse(`${minute}:00.000Z`);
  }
  const digit = (at) => text.charCodeAt(at) - 48;
  const seconds = digit(17) * 10 + digit(18);
  return (
    minuteMs + seconds * 1000 + digit(20) * 100 + digit(21) * 10 + digit(22)
  );
}

function add(event) {
  const at = time(event.timestamp);
  const { service, request_id: key } = event.labels;
  const entry = open.get(key);
  const coded = at * 2 + (service === "frontend" ? 0 : 1);
  if (entry === undefined) {
    open.set(key, { events: [coded], last: at, look: at + within });
  } else {
    entry.events.push(coded);
    if (at > entry.last) entry.last = at;
  }
  if (at > newest) newest = at;
}

/** Counts the connected groups of a key: two neighbours belong together where some match spans them. */
function settle({ events: list, last }) {
  if (list.length < 2) return;
  list.sort((a, b) => a - b);
  if (last - Math.floor(list[0] / 2) <= within) {
    const sides = list.reduce((seen, coded) => seen | (1 << (coded % 2)), 0);
    if (sides === 3) {
      correlations += 1;
      events += list.length;
    }
    return;
  }
  // The next event of either side, for each place.
  const next = [Infinity, Infinity];
  const following = new Array(list.length);
  for (let at = list.length - 1; at >= 0; at -= 1) {
    following[at] = [...next];
    next[list[at] % 2] = Math.floor(list[at] / 2);
  }
  const before = [-Infinity, -Infinity];
  let size = 0;
  for (let at = 0; at < list.length; at += 1) {
    size += 1;
    before[list[at] % 2] = Math.floor(list[at] / 2);
    const spanned =
      following[at][1] - before[0] <= within ||
      following[at][0] - before[1] <= within;
    if (spanned) continue;
    if (size > 1) {
      correlations += 1;
      events += size;
    }
    size = 0;
  }
}

/** Settles what nothing can reach any more. */
function evict(watermark) {
  for (const [key, entry] of open) {
    if (entry.look >= watermark) break;
    open.delete(key);
    if (entry.last + within < watermark) {
      settle(entry);
    } else {
      entry.look = entry.last + within;
      open.set(key, entry);
    }
  }
}

const start = performance.now();
const input = openSync(file);
const block = Buffer.allocUnsafe(BLOCK * 2);
let kept = 0;
for (;;) {
  const length = readSync(input, block, kept, BLOCK, null);
  const end = kept + length;
  // The last line of the file may lack its ending.
  const stop = length === 0 ? end : block.lastIndexOf(10, end - 1) + 1;
  if (stop > 0) {
    const text = block.toString("utf8", 0, stop);
    // One call for all lines of a block is a fifth faster than one each.
    const list = JSON.parse(`[${text.trimEnd().replaceAll("\n", ",")}]`);
    for (const event of list) add(event);
    block.copy(block, 0, stop, end);
  }
  kept = end - stop;
  if (kept > BLOCK) throw new Error("a line is longer than a block");
  if (length === 0) break;
  evict(newest - TOLERANCE);
}
evict(Infinity);
const ms = performance.now() - start;
console.log(
  JSON.stringify({
    correlations,
    events,
    ms,
    version: `Node.js ${process.versions.node}`,
  }),
);
