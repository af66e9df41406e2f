// What is given to the options of the command line, read.
import { existsSync } from 'node:fs';

import { toMillis, toNanos } from '../time.js';
import type { DecoderOptions, DurationInput } from '../types.js';
import { UsageError } from './failure.js';

/** One `--file`. */
export interface FileArgument {
  /** The name of the source in the query. */
  name: string;
  /** A path, a pattern of several, or `-` for standard input. */
  path: string;
  decoder: DecoderOptions;
}

const FILE_OPTIONS: readonly string[] = ['format', 'time', 'message', 'level', 'zone'];
const OPTION = /,([a-z]+)=([^,]*)$/;

/** Reads `NAME=PATH[,format=…,time=…,message=…,level=…,zone=…]` and adds it to those before. */
export function parseFile(argument: string, before: readonly FileArgument[] = []): FileArgument[] {
  const match = /^([A-Za-z_][A-Za-z0-9_]*)=(.+)$/s.exec(argument);
  if (!match) {
    throw new UsageError(`--file ${argument}: expected NAME=PATH, such as app=logs/app.ndjson`);
  }
  const [, name = '', rest = ''] = match;
  const decoder: DecoderOptions = {};
  let path = rest;
  // From the right, and not into a file that is there: a path may look as if it had options.
  for (let option = OPTION.exec(path); option && !existsSync(path); option = OPTION.exec(path)) {
    const [text, key = '', value = ''] = option;
    if (!FILE_OPTIONS.includes(key)) {
      const options = FILE_OPTIONS.join(', ');
      throw new UsageError(
        `--file ${argument}: no file, and no option ${key}; options: ${options}`,
      );
    }
    if (value === '') {
      throw new UsageError(`--file ${argument}: ${key} has no value`);
    }
    decoder[key as 'format'] = value;
    path = path.slice(0, -text.length);
  }
  if (before.some((other) => other.name === name)) {
    throw new UsageError(`--file ${name} is given twice`);
  }
  if (path === '-' && before.some((other) => other.path === '-')) {
    throw new UsageError('standard input can be one source only');
  }
  return [...before, { name, path, decoder }];
}

/** What kinds of server there are. */
export type ServerKind = 'http' | 'loki' | 'graylog' | 'prometheus';

/** One `--loki` and the like. */
export interface ServerArgument {
  kind: ServerKind;
  name: string;
  url: string;
}

/** Reads `NAME=URL` and adds it to those before. */
export function parseServer(
  kind: ServerKind,
  argument: string,
  before: readonly ServerArgument[] = [],
): ServerArgument[] {
  const [, name = '', url = ''] =
    /^([A-Za-z_][A-Za-z0-9_]*)=(https?:\/\/.+)$/s.exec(argument) ?? [];
  if (url === '') {
    // Not the argument: what stands in it may be secret.
    throw new UsageError(`--${kind}: expected NAME=URL, such as app=https://${kind}.example`);
  }
  if (before.some((other) => other.name === name)) {
    throw new UsageError(`--${kind} ${name} is given twice`);
  }
  return [...before, { kind, name, url }];
}

export function time(option: string, text: string | undefined): string | undefined {
  if (text !== undefined && toNanos(text) === undefined) {
    throw new UsageError(`${option} ${text}: expected a time such as 2026-11-20T21:20:00Z`);
  }
  return text;
}

export function duration(option: string, text: string | undefined): DurationInput | undefined {
  const given = text === '0' ? 0 : text;
  if (given !== undefined && toMillis(given) === undefined) {
    throw new UsageError(`${option} ${text}: expected a duration such as 30s or 1h30m`);
  }
  return given;
}

/** A whole number above 0, given as the value of an option. */
export function count(option: string, text: string | undefined): number | undefined {
  if (text !== undefined && !/^0*[1-9][0-9]{0,14}$/.test(text)) {
    throw new UsageError(`${option} ${text}: expected a whole number above 0`);
  }
  return text === undefined ? undefined : Number(text);
}

/** Ways to show correlations. */
export const OUTPUTS = ['timeline', 'table', 'json', 'ndjson', 'count'] as const;
export type OutputName = (typeof OUTPUTS)[number];
