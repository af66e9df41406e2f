import { OptionError, local, stream } from 'logbraid';

/** What is no part of what a log is about: compression, formats, numbers and dates of rotation. */
const ENDINGS = /\.(?:gz|zst|log|txt|jsonl?|ndjson|csv|out|err|\d+)$/i;
const DATE =
  /[-_.]?(?:19|20)\d{2}[-_.]?\d{2}[-_.]?\d{2}(?:[-_.tT]?\d{2}[-_.:]?\d{2}(?:[-_.:]?\d{2})?)?$/;

/** A short name for the source that a file becomes, that queries can name and that is not `taken`. */
export function nameFor(fileName: string, taken: ReadonlySet<string>): string {
  let base = fileName;
  for (let before = ''; base !== before;) {
    before = base;
    base = base.replace(ENDINGS, '') || base;
    base = base.replace(DATE, '') || base;
  }
  const words = base
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '_')
    .replace(/^_+|_+$/g, '');
  const name = problemOf(words) === undefined ? words : `log_${words}`.replace(/_$/, '');
  for (let number = 1; ; number += 1) {
    const numbered = number === 1 ? name : `${name}_${number}`;
    if (!taken.has(numbered)) return numbered;
  }
}

/** Why no query can name a source so; `undefined` where one can. */
export function problemOf(name: string): string | undefined {
  try {
    stream(name, local());
    return undefined;
  } catch (error) {
    if (error instanceof OptionError) return error.message;
    throw error;
  }
}
