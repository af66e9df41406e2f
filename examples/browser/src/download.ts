import { element } from './dom.js';
import type { Results } from './results.js';
import type { Shown } from './shown.js';

/** Results that become one piece of the file; between pieces the page gets its turn. */
const PIECE = 2000;

/** A file that is offered may be read for this long, in milliseconds. */
const KEEP_MS = 60_000;

/** What is shown as JSON: a line for each result, or one array. The browser keeps the pieces, on disk if need be. */
export async function toJson(
  results: Results,
  shown: Shown,
  format: 'ndjson' | 'array',
): Promise<Blob> {
  const type = format === 'array' ? 'application/json' : 'application/x-ndjson';
  const pieces: Blob[] = [];
  for (let row = 0; row < shown.length; row += PIECE) {
    const parts: BlobPart[] = [];
    for (let at = row; at < Math.min(row + PIECE, shown.length); at += 1) {
      const line = results.line(shown.at(at));
      if (format === 'ndjson') parts.push(line);
      else parts.push(at === 0 ? '[\n' : ',\n', line.subarray(0, -1));
    }
    pieces.push(new Blob(parts));
    await new Promise((resolve) => setTimeout(resolve));
  }
  if (format === 'array') pieces.push(new Blob([shown.length === 0 ? '[]\n' : '\n]\n']));
  return new Blob(pieces, { type });
}

/** Offers a file to be saved. */
export function save(content: Blob, name: string): void {
  const url = URL.createObjectURL(content);
  element('a', { href: url, download: name }).click();
  setTimeout(() => {
    URL.revokeObjectURL(url);
  }, KEEP_MS);
}
