import { watch } from 'node:fs';
import type { FSWatcher } from 'node:fs';

/** So long what has changed is left alone: writers write many lines in a row. */
const SETTLE_MS = 10;

/**
 * Waits for folders to change. The system tells of most changes, on most file systems; a wait has an end in any
 * case, so that nothing depends on that.
 */
export class FolderWatch {
  readonly #watchers: FSWatcher[] = [];
  #hasChanged = false;
  #wake: () => void = () => undefined;

  constructor(folders: Iterable<string>) {
    for (const folder of folders) {
      try {
        const watcher = watch(folder, { persistent: false }, this.#onChange);
        watcher.on('error', () => {
          watcher.close();
        });
        this.#watchers.push(watcher);
      } catch {
        // It is not there, or cannot be watched: looking again finds out.
      }
    }
  }

  /** Resolves soon after a change since the last wait, at the latest after so many milliseconds, or with the signal. */
  wait(millis: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      let timer: NodeJS.Timeout | undefined;
      const end = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', end);
        this.#wake = () => undefined;
        this.#hasChanged = false;
        resolve();
      };
      const sleep = (delay: number) => {
        clearTimeout(timer);
        timer = setTimeout(end, delay);
      };
      signal.addEventListener('abort', end);
      this.#wake = () => {
        this.#wake = () => undefined;
        sleep(Math.min(SETTLE_MS, millis));
      };
      if (signal.aborted) end();
      else if (this.#hasChanged) this.#wake();
      else sleep(millis);
    });
  }

  close(): void {
    for (const watcher of this.#watchers) watcher.close();
  }

  readonly #onChange = (): void => {
    this.#hasChanged = true;
    this.#wake();
  };
}
