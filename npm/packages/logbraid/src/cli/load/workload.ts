import randexp from 'randexp';

import type { PlanSummary } from '../../backend.js';
import type { QueryToken } from '../../query.js';
import type { StreamSyntax, SyntaxNode, SyntaxTree } from '../../syntax.js';
import { toMillis } from '../../time.js';
import { UsageError } from '../failure.js';

/** What the events of a load are like. */
export interface Shape {
  /** Events a second, over all streams. */
  rate: number;
  /** The share of requests that each stream but the first logs too. */
  match: number;
  /** How often each stream logs a request that it logs. */
  repeat: number;
  /** The share of events that are up to a second older than when they come. */
  disorder: number;
  /** The share of events that are so much older that they are late. */
  late: number;
  /** By how much, in milliseconds. */
  lateBy: number;
  /** Bytes of an event, with its line ending, at least. */
  size: number;
  seed: number;
}

/** What the events of one stream have in common. */
export interface Template {
  name: string;
  /** Position of its source in the plan. */
  source: number;
  labels: Record<string, string>;
  message: string;
  /** Labels that hold the key of the request. */
  keys: string[];
  /** How long after the request it logs, in milliseconds. */
  after: number;
}

/** Its types speak of a module with a default; it is the class itself. */
const RandExp = randexp as unknown as typeof randexp.default;

/** How long after the request each further stream logs, in milliseconds, where the query leaves it open. */
const STEP_MS = 3;

/** How long after one event the next of the same request and stream comes, in milliseconds. */
const REPEAT_MS = 50;

/** How far events in disorder go back, in milliseconds. */
const DISORDER_MS = 1000;

/** What a text of a regular expression repeats at most where that has no bound. */
const REPEATS = 3;

/**
 * Events for each stream of a query: labels that its selector asks for, the join keys, and a time that the
 * bounds of the joins allow. `fields` are labels by stream that win.
 */
export function templatesOf(
  query: string,
  tree: SyntaxTree,
  tokens: readonly QueryToken[],
  plan: PlanSummary,
  fields: readonly Field[],
  seed: number,
): Template[] {
  const nodes: { node: StreamSyntax; keys: Set<string>; after: number }[] = [];
  const ignored = new Set<string>();
  const walk = (node: SyntaxNode, keys: string[], after: number): void => {
    if (node.type === 'stream') {
      nodes.push({ node, keys: new Set(keys), after });
      return;
    }
    for (const { value } of node.ignoring?.labels ?? []) ignored.add(value);
    walk(node.left, [...keys, ...node.on.map(({ left }) => left)], after);
    const lo = node.within ? signedMillis(node.within.lo) : -Infinity;
    const hi = node.within ? signedMillis(node.within.hi) : Infinity;
    const gap = Math.min(Math.max(STEP_MS, lo), hi);
    walk(node.right, [...keys, ...node.on.map(({ right }) => right)], after + gap);
  };
  walk(tree.expr, [], 0);
  const first = Math.min(...nodes.map(({ after }) => after));
  const random = generator(seed);
  const projected = Object.fromEntries(
    tree.projection.flatMap(({ label, op, value }) => {
      const found = satisfying(op, value.value, random);
      return found === undefined ? [] : [[label, found]];
    }),
  );
  return nodes.map(({ node, keys, after }, at) => {
    const stream = plan.streams[at];
    const { start, end } = node.selector.span;
    const inside = tokens.filter(({ span }) => span.start >= start && span.end <= end);
    const asked = readSelector(query, inside, random);
    const name = stream?.name ?? '';
    const given = fields.filter((field) => field.stream === name);
    const labels = {
      ...projected,
      ...asked.labels,
      ...Object.fromEntries(given.map(({ label, value }) => [label, value])),
    };
    if (keys.size === 0 && ignored.size > 0 && !ignored.has('id')) keys.add('id');
    const taken = given.map(({ label }) => label);
    return {
      name,
      source: stream?.source ?? 0,
      labels,
      message: asked.message,
      keys: [...keys].filter((key) => !taken.includes(key)),
      after: after - first,
    };
  });
}

/** One `--field`. */
export interface Field {
  stream: string;
  label: string;
  value: string;
}

/** Reads `STREAM.LABEL=VALUE` and adds it to those before. */
export function parseField(argument: string, before: readonly Field[] = []): Field[] {
  const [, stream = '', label = '', value = ''] =
    /^([A-Za-z_][A-Za-z0-9_]*)\.([^=]+)=(.*)$/s.exec(argument) ?? [];
  if (stream === '') {
    throw new UsageError(
      `--field ${argument}: expected STREAM.LABEL=VALUE, such as app.level=error`,
    );
  }
  return [...before, { stream, label, value }];
}

/** Labels and a message that pass a selector, as far as its pieces tell. */
function readSelector(
  query: string,
  tokens: readonly QueryToken[],
  random: () => number,
): { labels: Record<string, string>; message: string } {
  const labels: Record<string, string> = {};
  const message: string[] = [];
  const texts = tokens.map(({ kind, span }) => ({ kind, text: query.slice(span.start, span.end) }));
  for (const [at, { kind, text: op }] of texts.entries()) {
    if (kind !== 'comparison') continue;
    const [before, after] = [texts[at - 1], texts[at + 1]];
    if (!after) continue;
    const value = unquoted(after.text);
    if (before?.kind === 'label') {
      const found = satisfying(op, value, random);
      if (found !== undefined) labels[before.text] = found;
    } else if (op === '|=') {
      message.push(value);
    } else if (op === '|~') {
      message.push(matching(value, random));
    }
  }
  return { labels, message: message.join(' ') };
}

/** A value that a comparison holds for; `undefined` where it holds without one. */
function satisfying(op: string, value: string, random: () => number): string | undefined {
  const [, number = '', unit = ''] = /^([-+]?[\d.]+)(.*)$/.exec(value) ?? [];
  const other = (by: number) => `${Number(number) + by}${unit}`;
  switch (op) {
    case '=':
    case '==':
    case '>=':
    case '<=':
      return value;
    case '>':
      return other(1);
    case '<':
      return other(-1);
    case '=~':
      return matching(value, random);
    case '!=':
      // Only then it must be there.
      return value === '' ? 'x' : undefined;
    default:
      return undefined;
  }
}

function matching(pattern: string, random: () => number): string {
  try {
    // What is not known on this side; flags that change nothing here.
    const known = pattern.replace(/\(\?[imsU]+\)/g, '').replace(/\(\?P?<\w+>/g, '(');
    const texts = new RandExp(known);
    texts.max = REPEATS;
    texts.randInt = (from, to) => from + Math.floor(random() * (to - from + 1));
    return texts.gen();
  } catch {
    throw new UsageError(
      `no text is known that matches ${pattern}; give labels with --field STREAM.LABEL=VALUE`,
    );
  }
}

function unquoted(text: string): string {
  if (text.startsWith('"')) {
    try {
      return JSON.parse(text) as string;
    } catch {
      // An escape that JSON does not have.
      return text.slice(1, -1).replace(/\\(.)/g, '$1');
    }
  }
  return /^['`]/.test(text) ? text.slice(1, -1) : text;
}

function signedMillis(duration: string): number {
  const sign = duration.startsWith('-') ? -1 : 1;
  return sign * (toMillis(duration.replace(/^[-+]/, '')) ?? Number.NaN);
}

/**
 * Makes the events of a load, stream by stream in the order of their schedule. The same seed gives the same
 * events, but for the instants.
 */
export class Workload {
  readonly #shape: Shape;
  /** One for each time that a stream logs a request. */
  readonly #streams: {
    template: Template;
    head: string;
    request: number;
    after: number;
    salt: number;
    isFirst: boolean;
  }[];
  /** Milliseconds between two requests. */
  readonly #every: number;
  readonly #pad: string;
  readonly #random: () => number;
  #second = -1;
  #prefix = '';

  constructor(templates: readonly Template[], shape: Shape) {
    this.#shape = shape;
    const perRequest = shape.repeat * (1 + shape.match * (templates.length - 1));
    this.#every = (1000 * perRequest) / shape.rate;
    this.#pad = 'x'.repeat(shape.size);
    this.#random = generator(shape.seed ^ 0x5bd1e995);
    this.#streams = templates.flatMap((template, at) => {
      const labels = Object.entries(template.labels).map(
        ([label, value]) => `,${JSON.stringify(label)}:${JSON.stringify(value)}`,
      );
      const stream = { template, head: labels.join(''), salt: at * 0x9e3779b1, isFirst: at === 0 };
      return Array.from({ length: shape.repeat }, (_, time) => {
        return { ...stream, request: 0, after: template.after + time * REPEAT_MS };
      });
    });
  }

  /** Lines by source of what is scheduled before `until`, in milliseconds since `start` (of the epoch), and how many. */
  take(until: number, start: number): { lines: string[]; events: number } {
    const lines: string[] = [];
    let events = 0;
    const { match, seed } = this.#shape;
    for (const stream of this.#streams) {
      const { source } = stream.template;
      for (; ; stream.request += 1) {
        const due = stream.request * this.#every + stream.after;
        if (due >= until) break;
        const chance = unit(mix(stream.request ^ stream.salt ^ seed));
        if (!stream.isFirst && chance >= match) continue;
        lines[source] = (lines[source] ?? '') + this.#line(stream, start + due - this.#behind());
        events += 1;
      }
    }
    return { lines, events };
  }

  /** One event of each stream, as lines. */
  sample(start: number): { template: Template; line: string }[] {
    return this.#streams.map((stream) => {
      return { template: stream.template, line: this.#line(stream, start) };
    });
  }

  #behind(): number {
    const { disorder, late, lateBy } = this.#shape;
    if (disorder === 0 && late === 0) return 0;
    const chosen = this.#random();
    if (chosen < late) return lateBy;
    return chosen < late + disorder ? this.#random() * DISORDER_MS : 0;
  }

  #line(
    { template, head, request }: { template: Template; head: string; request: number },
    time: number,
  ): string {
    const key = `${hex(mix(request ^ this.#shape.seed))}${hex(mix(request + 1))}`;
    let line = `{"time":"${this.#instant(time)}"${head}`;
    for (const label of template.keys) line += `,"${label}":"${key}"`;
    line += `,"message":${JSON.stringify(`${template.message} ${template.name}`.trim())}`;
    const room = this.#shape.size - line.length - 10;
    return `${line}${room > 0 ? `,"pad":"${this.#pad.slice(0, room)}"` : ''}}\n`;
  }

  /** RFC 3339; the part that stays for a second is kept. */
  #instant(time: number): string {
    const millis = Math.floor(time);
    const second = Math.floor(millis / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#prefix = new Date(second * 1000).toISOString().slice(0, 20);
    }
    const micros = Math.floor((time - second * 1000) * 1000);
    return `${this.#prefix}${String(micros).padStart(6, '0')}Z`;
  }
}

/** Numbers from 0 up to 1, the same for the same seed. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    return unit(mix(state));
  };
}

/** Mixes 32 bits. */
function mix(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

function unit(bits: number): number {
  return bits / 2 ** 32;
}

function hex(bits: number): string {
  return bits.toString(16).padStart(8, '0');
}
