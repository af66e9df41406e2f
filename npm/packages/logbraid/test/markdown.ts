// What a page of documentation shows, piece by piece, with the places to write outputs to.

/** Where a piece stands. */
export interface Place {
  /** Its first line, without a fence, from 0. */
  line: number;
  /** How many lines it has. */
  count: number;
}

/** A fenced block: its language, and its text without the fences. */
export interface Block extends Place {
  kind: 'block';
  language: string;
  text: string;
  /** The `text` block that follows it with nothing but blank lines between: what comes of it. */
  output: Block | undefined;
}

/** A row of a table. */
export interface Row extends Place {
  kind: 'row';
  /** The cells of the table's head. */
  head: string[];
  cells: string[];
}

/** The blocks and rows of a page, in order; a block that is the output of another is no piece of its own. */
export function readMarkdown(page: string): (Block | Row)[] {
  const lines = page.split('\n');
  const pieces: (Block | Row)[] = [];
  let asked: Block | undefined;
  for (let at = 0; at < lines.length; at += 1) {
    const line = lines[at] ?? '';
    if (line.startsWith('```')) {
      const end = lines.indexOf('```', at + 1);
      if (end < 0) throw new Error(`line ${at + 1}: the block has no end`);
      const text = lines.slice(at + 1, end).join('\n');
      const block: Block = {
        kind: 'block',
        language: line.slice(3),
        text,
        line: at + 1,
        count: end - at - 1,
        output: undefined,
      };
      if (block.language === 'text' && asked) {
        asked.output = block;
        asked = undefined;
      } else {
        pieces.push(block);
        asked = block;
      }
      at = end;
    } else if (/^\|[ -]*-[-| ]*\|$/.test(lines[at + 1] ?? '') && line.startsWith('|')) {
      const head = cellsOf(line);
      for (at += 2; (lines[at] ?? '').startsWith('|'); at += 1) {
        pieces.push({ kind: 'row', head, cells: cellsOf(lines[at] ?? ''), line: at, count: 1 });
      }
      // The line that ended the table is looked at again.
      at -= 1;
      asked = undefined;
    } else if (line.trim() !== '') {
      asked = undefined;
    }
  }
  return pieces;
}

/** The files that a page shows: blocks whose first line is a comment with a name, by that name. */
export function readFiles(page: string): Record<string, string> {
  const files: Record<string, string> = {};
  for (const piece of readMarkdown(page)) {
    const text = piece.kind === 'block' ? piece.text : '';
    const name = /^(?:\/\/|<!--) ([\w.-]+)(?: -->)?$/.exec(text.split('\n', 1)[0] ?? '')?.[1];
    if (name !== undefined) files[name] = `${text}\n`;
  }
  return files;
}

/** The cells of a row; a `|` in a cell is written `\|`. */
function cellsOf(line: string): string[] {
  const cells = line.split(/(?<!\\)\|/).slice(1, -1);
  return cells.map((cell) => cell.trim().replaceAll('\\|', '|'));
}

/** A row of a table as text. */
export function writeRow(cells: string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

/** The text of a cell that is code; `undefined` where it is none. */
export function codeOf(cell: string): string | undefined {
  return /^(`+) ?(.*?) ?\1$/.exec(cell)?.[2];
}
