// As much of LogQL as the tests ask: a stream selector, line filters and filters of labels.
// Errors have the texts of Loki.

export type Labels = Record<string, string>;

export interface LogQuery {
  selects: (labels: Labels) => boolean;
  /** The labels with the structured metadata. */
  passes: (line: string, labels: Labels) => boolean;
}

export class LogqlError extends Error {}

/** A query over numbers, which the tail refuses only after it was opened. */
export class MetricQueryError extends LogqlError {}

interface Token {
  kind: string;
  text: string;
  at: number;
}

interface Matcher {
  label: string;
  operator: string;
  value: string;
  test: (value: string) => boolean;
}

const TOKEN =
  /\s*(?:("(?:[^"\\]|\\.)*"|`[^`]*`)|([A-Za-z_]\w*)|(\|=|\|~|!=|!~|=~|=|[{},|()[\]])|(\S))/gy;

const METRIC = /^\s*[a-z_]\w*\s*(?:\(|by\b|without\b)/;

const OPERATORS = ['=', '!=', '=~', '!~'];

export function parseLogql(query: string): LogQuery {
  if (METRIC.test(query)) throw new MetricQueryError('only log selector is supported');
  const tokens = tokenize(query);
  if (tokens.length === 1) throw new LogqlError('parse error : syntax error: unexpected $end');
  const parser = new Parser(tokens);
  const matchers = parser.selector();
  const stages = parser.stages();
  return {
    selects: (labels) => matchers.every(({ label, test }) => test(labels[label] ?? '')),
    passes: (line, labels) => stages.every((stage) => stage(line, labels)),
  };
}

class Parser {
  readonly #tokens: Token[];
  #at = 0;

  constructor(tokens: Token[]) {
    this.#tokens = tokens;
  }

  selector(): Matcher[] {
    const matchers: Matcher[] = [];
    this.#take(['{']);
    if (this.#peek().text !== '}') {
      do matchers.push(this.#matcher(this.#take(['IDENTIFIER']).text));
      while (this.#take(['}', ',']).text === ',');
    } else {
      this.#take(['}']);
    }
    if (!matchers.some(({ operator, test }) => !operator.startsWith('!') && !test(''))) {
      throw new LogqlError(
        'parse error : queries require at least one regexp or equality matcher that does not have ' +
          'an empty-compatible value. For instance, app=~".*" does not meet this requirement, but ' +
          'app=~".+" will',
      );
    }
    return matchers;
  }

  stages(): ((line: string, labels: Labels) => boolean)[] {
    const stages: ((line: string, labels: Labels) => boolean)[] = [];
    while (this.#peek().kind !== '$end') {
      const operator = this.#take(['|=', '|~', '!=', '!~', '|']).text;
      if (operator === '|') {
        const { label, test } = this.#matcher(this.#take(['IDENTIFIER']).text);
        stages.push((_line, labels) => test(labels[label] ?? ''));
        continue;
      }
      const value = unquote(this.#take(['STRING']).text);
      const pattern = operator.endsWith('~') ? regexp(value) : undefined;
      const wanted = operator.startsWith('|');
      stages.push((line) => (pattern ? pattern.test(line) : line.includes(value)) === wanted);
    }
    return stages;
  }

  #matcher(label: string): Matcher {
    const operator = this.#take(OPERATORS).text;
    const value = unquote(this.#take(['STRING']).text);
    const pattern = operator.endsWith('~') ? regexp(value, true) : undefined;
    const wanted = !operator.startsWith('!');
    const test = (actual: string) => (pattern ? pattern.test(actual) : actual === value) === wanted;
    return { label, operator, value, test };
  }

  #peek(): Token {
    const token = this.#tokens[this.#at];
    if (!token) throw new RangeError('read past $end');
    return token;
  }

  #take(expected: string[]): Token {
    const token = this.#peek();
    if (!expected.includes(token.kind)) {
      throw new LogqlError(
        `parse error at line 1, col ${token.at + 1}: syntax error: unexpected ${token.kind}, ` +
          `expecting ${expected.join(' or ')}`,
      );
    }
    this.#at += 1;
    return token;
  }
}

function tokenize(query: string): Token[] {
  const tokens: Token[] = [];
  for (const match of query.trimEnd().matchAll(TOKEN)) {
    const [whole, string, identifier, symbol, other] = match;
    const text = string ?? identifier ?? symbol ?? other ?? '';
    const at = match.index + whole.length - text.length;
    if (other !== undefined) {
      throw new LogqlError(
        `parse error at line 1, col ${at + 1}: syntax error: unexpected character: '${other}'`,
      );
    }
    const kind = string ? 'STRING' : identifier ? 'IDENTIFIER' : text;
    tokens.push({ kind, text, at });
  }
  return [...tokens, { kind: '$end', text: '', at: query.length }];
}

function unquote(text: string): string {
  return text.startsWith('`') ? text.slice(1, -1) : (JSON.parse(text) as string);
}

function regexp(source: string, whole = false): RegExp {
  try {
    return new RegExp(whole ? `^(?:${source})$` : source, 's');
  } catch {
    const reason = 'missing closing )';
    throw new LogqlError(`parse error : error parsing regexp: ${reason}: \`${source}\``);
  }
}
