// The format of tests/cases, as its README describes it: what a case holds, and its compact texts.
import { readFileSync, readdirSync } from 'node:fs';

import { parse } from 'smol-toml';

import type { DecoderOptions } from 'logbraid';

export interface Case {
  name: string;
  why: string;
  query: string;
  emit?: 'final' | 'eager';
  lateTolerance?: string;
  idleTimeout?: string;
  processingInterval?: string;
  start?: string;
  end?: string;
  limit?: number;
  late?: 'match' | 'drop';
  overflow?: 'evict' | 'block';
  maxEvents?: number;
  maxMemory?: number;
  maxEventsPerCorrelation?: number;
  dedupe?: boolean | { window?: string; fields?: string[] };
  joinType?: 'inner' | 'left' | 'outer';
  live?: string[];
  selects?: string[];
  decoders?: Record<string, DecoderOptions>;
  clockSkew?: Record<string, string>;
  pace?: boolean;
  steps?: Step[];
  metrics?: Record<string, number>;
  ids?: string[];
  diagnostics?: string[];
}

export interface Step {
  push?: string;
  events?: string;
  bytes?: string;
  hex?: string;
  flush?: string;
  close?: string;
  away?: string;
  back?: string;
  maxMemory?: number;
  advance?: string;
  expect?: string[];
  notices?: string[];
}

const KEYS = new Set(
  (
    'name why query emit lateTolerance idleTimeout processingInterval start end limit live ' +
    'selects decoders clockSkew pace steps metrics ids diagnostics push events bytes hex flush close away back advance ' +
    'expect notices late overflow maxEvents maxMemory maxEventsPerCorrelation dedupe joinType'
  ).split(' '),
);

/** All cases, by the name of their file. Whatever a file says that is not known here is an error. */
export function readCases(folder: URL): Map<string, Case[]> {
  const files = readdirSync(folder).filter((file) => file.endsWith('.toml'));
  return new Map(
    files.sort().map((file) => {
      const text = readFileSync(new URL(file, folder), 'utf8');
      const cases = (parse(text) as unknown as { case: Case[] }).case;
      for (const one of cases) {
        for (const key of [...Object.keys(one), ...(one.steps ?? []).flatMap(Object.keys)]) {
          if (!KEYS.has(key)) throw new Error(`${file}: ${one.name}: there is no ${key}`);
        }
      }
      return [file.slice(0, -'.toml'.length), cases];
    }),
  );
}

/** The instant `@0`, in nanoseconds. */
export const BASE = 1_767_225_600_000_000_000n;

/** An event as a case writes it. */
export interface ScriptEvent {
  /** Nanoseconds since the epoch. */
  time: bigint;
  name: string | undefined;
  labels: [name: string, value: string][];
}

/** Reads events such as `k=1 @0 @4#x level=error`. */
export function readEvents(text: string): ScriptEvent[] {
  const common: [string, string][] = [];
  const events: ScriptEvent[] = [];
  for (const word of text.match(/(?:[^\s"]|"[^"]*")+/g) ?? []) {
    const plain = word.replaceAll('"', '');
    if (plain.startsWith('@')) {
      const [time = '', name] = plain.split('#', 2);
      events.push({ time: readInstant(time), name, labels: [...common] });
    } else {
      const at = plain.indexOf('=');
      if (at < 0) throw new Error(`${plain} is neither an instant nor a label`);
      const label = plain.slice(0, at);
      const labels = events.at(-1)?.labels ?? common;
      const known = labels.findIndex(([other]) => other === label);
      if (known >= 0) labels.splice(known, 1);
      labels.push([label, plain.slice(at + 1)]);
    }
  }
  return events;
}

/** Reads `@4` or `@-0.25`, in nanoseconds since the epoch. */
export function readInstant(text: string): bigint {
  const match = /^@(-?)(\d+)(?:\.(\d{1,9}))?$/.exec(text);
  if (!match) throw new Error(`${text} is not an instant`);
  const [, sign, whole = '', fraction = ''] = match;
  const nanos = BigInt(whole) * 1_000_000_000n + BigInt(fraction.padEnd(9, '0'));
  return BASE + (sign === '-' ? -nanos : nanos);
}

/** An instant as `@4`, or nanoseconds since it as `4`. */
export function writeSeconds(nanos: bigint): string {
  const sign = nanos < 0n ? '-' : '';
  const size = nanos < 0n ? -nanos : nanos;
  const fraction = String(size % 1_000_000_000n)
    .padStart(9, '0')
    .replace(/0+$/, '');
  return `${sign}${size / 1_000_000_000n}${fraction === '' ? '' : '.'}${fraction}`;
}

/** The NDJSON line of an event, with its ending. */
export function toLine({ time, name, labels }: ScriptEvent): string {
  const fields = labels.map(([label, value]) => [label === 'msg' ? 'message' : label, value]);
  if (name !== undefined) fields.push(['n', name]);
  const text = fields.map((field) => field.map((part) => JSON.stringify(part)).join(':'));
  return `{${[`"time":${time}`, ...text].join(',')}}\n`;
}
