import { existsSync } from 'node:fs';

import { FileAdapter } from '../adapters/file.js';
import type { DecoderOptions } from '../types.js';
import { UsageError } from './failure.js';

/** One `--file`. */
export interface FileArgument {
  /** The name of the source in the query. */
  name: string;
  /** A path, a pattern of several, or `-` for standard input. */
  path: string;
  decoder: DecoderOptions;
}

const OPTIONS: readonly string[] = ['format', 'time', 'message', 'level', 'zone'];
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
    if (!OPTIONS.includes(key)) {
      const options = OPTIONS.join(', ');
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

/** The adapter of a `--file`. */
export function adapterOf({ path, decoder }: FileArgument, follow = false): FileAdapter {
  return new FileAdapter(path, { ...decoder, follow });
}
