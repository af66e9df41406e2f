import { readdir } from 'node:fs/promises';
import path from 'node:path';

import { FollowedFile } from './followed.js';
import type { Look } from './followed.js';
import { listFiles } from './matches.js';
import type { Match } from './matches.js';
import { FolderWatch } from './waiting.js';
import { readFile } from './whole.js';

/** A file that is not in its place any more is looked at so long after it last grew: a writer may still have it open. */
const LINGER_MS = 5_000;

/** Files held open. Beyond, those that have not grown for longest are opened again when they grow. */
const MAX_OPEN = 256;

/** How files are followed. */
export interface FollowOptions {
  /** The longest time between two looks. */
  pollMs: number;
  signal: AbortSignal;
  /** All that was there has been read. */
  onLive: () => void;
}

/**
 * The lines of the files of paths and patterns: those that are there, then those that come, without end. See
 * `FileAdapter` for what becomes of rotation.
 */
export async function* follow(
  patterns: readonly string[],
  options: FollowOptions,
): AsyncGenerator<Uint8Array> {
  const follower = new Follower(patterns);
  // Before the first look, so that nothing is missed.
  const folders = new FolderWatch(new Set(patterns.map((one) => path.dirname(one))));
  try {
    for (let round = 0; !options.signal.aborted; round += 1) {
      let hasRead = false;
      for await (const block of follower.round(options.signal)) {
        hasRead = true;
        yield block;
      }
      if (hasRead) continue;
      options.onLive();
      await folders.wait(options.pollMs, options.signal);
    }
  } finally {
    folders.close();
    await follower.close();
  }
}

/** The files that are followed, by identity. */
class Follower {
  readonly #patterns: readonly string[];
  readonly #files = new Map<string, FollowedFile>();
  /** By identity, of what is, or may become, a copy of a file that is followed: that file. */
  readonly #copies = new Map<string, FollowedFile>();
  /** What is not read any more: compressed files, and copies of what has been read. */
  readonly #done = new Set<string>();
  /** Those with a handle; the one that has not grown for longest is the first. */
  readonly #open = new Set<FollowedFile>();
  #isFirst = true;

  constructor(patterns: readonly string[]) {
    this.#patterns = patterns;
  }

  /** What has come since the last round, the oldest file first. */
  async *round(signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const matches = await listFiles(this.#patterns);
    const present = new Set(matches.map(({ id }) => id));
    for (const id of this.#done) if (!present.has(id)) this.#done.delete(id);
    const gone = [...this.#files.values()].filter(({ id }) => !present.has(id));
    const files: { file: FollowedFile; look: Look | undefined }[] = [];
    for (const file of gone) files.push({ file, look: undefined });
    for (const match of matches) {
      const file = this.#files.get(match.id) ?? (await this.#admit(match));
      if (!file) continue;
      file.path = match.path;
      files.push({ file, look: match });
    }
    this.#isFirst = false;
    // The newest first: where a writer has gone on to it, what it wrote to others before is all there.
    for (const one of [...files].reverse()) {
      if (one.file.isOpen || !one.look) one.look = await one.file.look();
    }
    for (const { file, look } of files) {
      if (signal.aborted) return;
      if (file.compression) {
        yield* readFile(file.path, signal);
        await this.#finish(file);
      } else if (look && file.hasNews(look)) {
        yield* this.#grown(file, look);
      }
    }
    for (const file of gone) {
      if (performance.now() - file.grewAt < LINGER_MS && file.isOpen) continue;
      const look = await file.look();
      if (look) yield* file.rest(look);
      await this.#finish(file);
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#open].map((file) => file.close()));
    this.#open.clear();
  }

  /** A file that has come, if it is to be read now. */
  async #admit(match: Match): Promise<FollowedFile | undefined> {
    if (this.#done.has(match.id)) return undefined;
    const file = new FollowedFile(match);
    try {
      if (!(await file.look())) return undefined;
      await file.learn();
      // What comes later has been rotated: it was read before it was compressed.
      if (file.compression && !this.#isFirst) {
        this.#done.add(file.id);
        return undefined;
      }
      if (!this.#isFirst && (await this.#isCopy(file))) return undefined;
      this.#copies.delete(file.id);
      this.#files.set(file.id, file);
      await this.#hold(file);
      return file;
    } finally {
      if (!this.#open.has(file)) await file.close();
    }
  }

  /** Whether a file is a copy of one that is followed, or is becoming one. */
  async #isCopy(file: FollowedFile): Promise<boolean> {
    const folder = path.dirname(file.path);
    for (const other of this.#files.values()) {
      if (path.dirname(other.path) === folder && (await file.isLike(other))) {
        this.#copies.set(file.id, other);
        return true;
      }
    }
    return false;
  }

  async *#grown(file: FollowedFile, look: Look): AsyncGenerator<Uint8Array> {
    if (!file.isOpen && !(await file.look())) return;
    await this.#hold(file);
    if (!(yield* file.linesOf(look))) return;
    yield* this.#restOfCopy(file);
    this.#forgetCopies(file);
    file.beginAnew();
    const anew = await file.look();
    if (anew) yield* file.linesOf(anew);
  }

  /** What a file had when it was cut and had not been read: from the copy beside it. */
  async *#restOfCopy(file: FollowedFile): AsyncGenerator<Uint8Array> {
    const folder = path.dirname(file.path);
    const own = path.basename(file.path);
    // `app.log` becomes `app.log.1`, `app-20260101.log` or `app.1.log`.
    const stem = /^\.?[^.]*/.exec(own)?.[0] ?? own;
    const names = await readdir(folder);
    for (const name of names.filter((one) => one.startsWith(stem) && one !== own)) {
      const [match] = await listFiles([path.join(folder, name)]);
      if (!match || this.#files.has(match.id)) continue;
      const copy = new FollowedFile(match);
      try {
        const look = await copy.look();
        if (!look || look.size < file.position || !(await copy.isCopyOf(file))) continue;
        this.#done.add(copy.id);
        copy.goOnFrom(file);
        yield* copy.rest(look);
        return;
      } finally {
        await copy.close();
      }
    }
  }

  /** What was copied of a file has been read. */
  #forgetCopies(file: FollowedFile): void {
    for (const [id, original] of this.#copies) {
      if (original !== file) continue;
      this.#copies.delete(id);
      this.#done.add(id);
    }
  }

  async #finish(file: FollowedFile): Promise<void> {
    this.#files.delete(file.id);
    this.#open.delete(file);
    this.#forgetCopies(file);
    if (file.compression) this.#done.add(file.id);
    await file.close();
  }

  /** Keeps the handle of a file that grows, so that it can be read to its end wherever it goes. */
  async #hold(file: FollowedFile): Promise<void> {
    this.#open.delete(file);
    this.#open.add(file);
    const [oldest] = this.#open;
    if (oldest && this.#open.size > MAX_OPEN) {
      this.#open.delete(oldest);
      await oldest.close();
    }
  }
}
