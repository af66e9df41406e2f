import { QueryError } from '../errors.js';
import { explain } from '../explain.js';
import type { ExplainedSource, Explanation, PlanNode } from '../explain.js';
import { render } from '../query.js';
import { EXIT } from './failure.js';
import { count, duration } from './arguments.js';
import { colorsWanted, sanitize, shortBytes } from './terminal.js';
import { print } from './writer.js';

/** Options of `logbraid explain`. */
export interface ExplainCommand {
  rate?: string;
  bytes?: string;
  lateTolerance?: string;
  selecting?: string[];
  output: 'text' | 'json';
}

/** Shows what a query will do and what it costs. Gives the exit code. */
export async function explainQuery(query: string, options: ExplainCommand): Promise<number> {
  const load = {
    eventsPerSecond: count('--rate', options.rate) ?? 1000,
    bytesPerEvent: count('--bytes', options.bytes) ?? 512,
  };
  const lateTolerance = duration('--late-tolerance', options.lateTolerance);
  const selectingSources = options.selecting ?? [];
  let explanation: Explanation;
  try {
    explanation = explain(query, { ...load, lateTolerance, selectingSources });
  } catch (error) {
    if (!(error instanceof QueryError)) throw error;
    console.error(render(query, { color: colorsWanted(2), selectingSources }).trimEnd());
    return EXIT.usage;
  }
  await print(
    options.output === 'json'
      ? JSON.stringify(explanation, null, 2)
      : sanitizeLines(text(explanation, load)),
  );
  return EXIT.found;
}

/** A selector may hold anything. */
function sanitizeLines(lines: string[]): string {
  return lines.map(sanitize).join('\n');
}

function text(
  { tree, sources, events, bytes, score, complexity, hints }: Explanation,
  load: { eventsPerSecond: number; bytesPerEvent: number },
): string[] {
  const at = `${amount(load.eventsPerSecond)} events/s of ${amount(load.bytesPerEvent)} bytes`;
  const withMatches = bytes > events * load.bytesPerEvent ? ', and with matches' : '';
  return [
    ...draw(tree),
    '',
    ...sources.map(read),
    `holds ${amount(events)} events, ${shortBytes(bytes)}, at ${at} in each stream${withMatches}`,
    `score ${score}: ${complexity}`,
    ...hints.map((hint) => `hint: ${hint}`),
  ];
}

function draw(node: PlanNode): string[] {
  if (node.type === 'stream') {
    const { name, source, selector, range, held, events, bytes, pushedDown } = node;
    const where = pushedDown ? `pushed down to ${source}` : 'applied by the engine';
    return [
      `${name}: ${source}(${selector})[${range}]`,
      `  holds ${held}: ${amount(events)} events, ${shortBytes(bytes)}; selector ${where}`,
    ];
  }
  const { kind, keys, lo, hi, pick, left, right } = node;
  return [
    `${kind} ${keys}, right ${lo} to ${hi} after left, ${pick}`,
    ...branch(draw(left), '├─ ', '│  '),
    ...branch(draw(right), '└─ ', '   '),
  ];
}

function branch([first = '', ...rest]: string[], head: string, indent: string): string[] {
  return [`${head}${first}`, ...rest.map((line) => `${indent}${line}`)];
}

function read({ name, selector, range, streams }: ExplainedSource): string {
  const what = selector === null ? `all of ${name}` : `${name}(${selector})`;
  return `reads ${what}, ${range} back, for ${streams.join(', ')}`;
}

function amount(count: number): string {
  return count.toLocaleString('en-US');
}
