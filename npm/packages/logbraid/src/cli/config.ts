import { readFileSync } from 'node:fs';

import { parse } from 'smol-toml';

import type { DataSourceAdapter } from '../adapters/adapter.js';
import { FileAdapter } from '../adapters/file.js';
import type { EngineOptions } from '../options.js';
import { UsageError } from './failure.js';
import { SERVERS } from './adapters.js';
import type { ServerOptions } from './adapters.js';

/** What a configuration file says. */
export interface Config {
  /** Options of the engine, by their names in the API. */
  engine: EngineOptions;
  /** By name of the source. */
  adapters: Map<string, DataSourceAdapter>;
}

const KINDS = ['file', ...Object.keys(SERVERS)];

/**
 * Reads `logbraid.toml`: `[engine]` with options of the engine, `[sources.NAME]` with a `type` and the options of its
 * adapter, by their names in the API; of a file also its `path`. What is secret is named, not written:
 * `token = { env = "LOKI_TOKEN" }`.
 */
export function readConfig(path: string, follow: boolean): Config {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new UsageError(`--config ${path}: ${error instanceof Error ? error.message : ''}`);
  }
  let config: Record<string, unknown>;
  try {
    config = fromEnvironment(path, parse(text)) as Record<string, unknown>;
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
  const { engine = {}, sources = {}, ...others } = config;
  const [stray] = Object.keys(others);
  if (stray !== undefined) {
    throw new UsageError(`${path}: there is no [${stray}]; there are [engine] and [sources.NAME]`);
  }
  const adapters = Object.entries(sources as Record<string, ServerOptions>).map(
    ([name, options]): [string, DataSourceAdapter] => [
      name,
      adapterOf(path, name, options, follow),
    ],
  );
  return { engine: engine as EngineOptions, adapters: new Map(adapters) };
}

function adapterOf(
  path: string,
  name: string,
  { type, ...options }: ServerOptions,
  follow: boolean,
): DataSourceAdapter {
  const make = Object.entries(SERVERS).find(([kind]) => kind === type)?.[1];
  if (make) return make(options, follow);
  if (type !== 'file') {
    const given = type === undefined ? 'no type' : `the type ${JSON.stringify(type)}`;
    throw new UsageError(`${path}: sources.${name} has ${given}, expected ${KINDS.join(', ')}`);
  }
  const { path: file, ...decoder } = options;
  if (typeof file !== 'string') throw new UsageError(`${path}: sources.${name} has no path`);
  return new FileAdapter(file, { follow, ...decoder });
}

/** The same, with what stands in the environment for each `{ env = "NAME" }`. */
function fromEnvironment(path: string, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((one) => fromEnvironment(path, one));
  if (typeof value !== 'object' || value === null || value instanceof Date) return value;
  const entries = Object.entries(value);
  const [first] = entries;
  if (entries.length === 1 && first?.[0] === 'env' && typeof first[1] === 'string') {
    const found = process.env[first[1]];
    if (found === undefined) throw new UsageError(`${path}: ${first[1]} is not in the environment`);
    return found;
  }
  return Object.fromEntries(entries.map(([name, one]) => [name, fromEnvironment(path, one)]));
}
