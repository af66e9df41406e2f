import { statSync } from 'node:fs';
import type { BigIntStats } from 'node:fs';
import { stat } from 'node:fs/promises';
import path from 'node:path';

import { glob, globSync, isDynamicPattern } from 'tinyglobby';

import { SourceError } from '../../errors.js';

/** A file that a path or a pattern names. */
export interface Match {
  path: string;
  /** What stays when it is renamed: its device and its inode. */
  id: string;
  /** Bytes. */
  size: number;
  /** When it was written last, in nanoseconds. */
  changed: bigint;
}

/** Rotation puts a number behind the name, and a larger one behind what is older. */
const ROTATED = /\.(\d{1,9})(?:\.[a-z0-9]+)?$/i;

const GLOB = { dot: false, expandDirectories: false, onlyFiles: true } as const;

/**
 * The files that paths and patterns name, each once, in order of rotation: by when they were written last, where
 * that is the same `app.log.2` before `app.log.1` before `app.log`, then by name. A path of a file that is there is no
 * pattern. What is not there is left out.
 */
export async function listFiles(patterns: readonly string[]): Promise<Match[]> {
  const files = new Map<string, Match>();
  for (const pattern of patterns) {
    const plain = await look(pattern);
    const names = plain || !isPattern(pattern) ? [] : await glob(posix(pattern), GLOB);
    const found = plain ? [plain] : await Promise.all(names.map(look));
    for (const file of found) if (file && !files.has(file.id)) files.set(file.id, file);
  }
  return [...files.values()].sort(inOrder);
}

/** Whether a text may name several files. */
export function isPattern(text: string): boolean {
  return isDynamicPattern(posix(text));
}

/** When the newest of the files was written last; `undefined` where there is none. */
export function lastChange(patterns: readonly string[]): Date | undefined {
  let newest: Date | undefined;
  for (const pattern of patterns) {
    const plain = statSync(pattern, { throwIfNoEntry: false });
    const names = plain || !isPattern(pattern) ? [] : globSync(posix(pattern), GLOB);
    const found = plain ? [plain] : names.map((name) => statSync(name, { throwIfNoEntry: false }));
    for (const file of found) {
      if (file && (!newest || file.mtime > newest)) newest = file.mtime;
    }
  }
  return newest;
}

/** The identity of a file. */
export function idOf({ dev, ino }: Pick<BigIntStats, 'dev' | 'ino'>): string {
  return `${dev}:${ino}`;
}

/** The error for what went wrong with a file. */
export function fileError(file: string, cause: unknown): SourceError {
  if (cause instanceof SourceError) return cause;
  const why = cause instanceof Error ? cause.message : String(cause);
  return new SourceError(`${file}: ${why}`, { cause, details: { path: file } });
}

/** Whether a file was not there. */
export function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

async function look(file: string): Promise<Match | undefined> {
  try {
    const found = await stat(file, { bigint: true });
    return { path: file, id: idOf(found), size: Number(found.size), changed: found.mtimeNs };
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw fileError(file, error);
  }
}

function inOrder(a: Match, b: Match): number {
  if (a.changed !== b.changed) return a.changed < b.changed ? -1 : 1;
  const rotations = (file: Match) => Number(ROTATED.exec(file.path)?.[1] ?? -1);
  return rotations(b) - rotations(a) || (a.path < b.path ? -1 : 1);
}

/** Patterns are written with `/` everywhere. */
function posix(pattern: string): string {
  return path.sep === '/' ? pattern : pattern.replaceAll(path.sep, '/');
}
