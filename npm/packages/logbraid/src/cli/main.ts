import { readFileSync } from 'node:fs';

import { Command, CommanderError, Option } from 'commander';

import {
  AdapterNotFoundError,
  CorrelationError,
  MemoryError,
  OptionError,
  QueryError,
  SourceError,
} from '../errors.js';
import { presets } from '../presets.js';
import { render } from '../query.js';
import { OUTPUTS, parseFile, parseServer } from './arguments.js';
import type { FileArgument, ServerArgument, ServerKind } from './arguments.js';
import { checkQuery, formatQuery } from './check.js';
import type { ExplainCommand } from './explain.js';
import { EXIT, OutputError, UsageError } from './failure.js';
import type { LoadCommand } from './load/index.js';
import { parseField } from './load/workload.js';
import type { Field } from './load/workload.js';
import type { RunOptions } from './run.js';
import { colorsWanted, sanitize } from './terminal.js';
import { OutputClosed } from './writer.js';

const EXIT_CODES = `
Exit codes: 0 found, 1 nothing found, 2 usage or query error, 3 source error, 130 interrupted.`;

const file = () =>
  new Option(
    '--file <name=path>',
    'a source: its name in the query, and a file, a pattern of several, or - for standard input; ' +
      'may be followed by ,format= ,time= ,message= ,level= ,zone=; can be given several times',
  ).argParser((value: string, before: FileArgument[] | undefined) => parseFile(value, before));

const server = (kind: ServerKind, what: string) =>
  new Option(
    `--${kind} <name=url>`,
    `a source: its name in the query, and ${what}; can be given several times`,
  ).argParser((value: string, before: ServerArgument[] | undefined) =>
    parseServer(kind, value, before),
  );

const preset = () =>
  new Option('--preset <name>', 'options to begin with, for a use').choices(Object.keys(presets));

const selecting = () =>
  new Option(
    '--selecting <source>',
    'a source that applies selectors of its own, such as loki, which are not read here; ' +
      'can be given several times',
  ).argParser((value: string, before: string[] | undefined) => [...(before ?? []), value]);

function program(finish: (code: number) => void): Command {
  const { version } = JSON.parse(
    readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'),
  ) as { version: string };
  const logbraid = new Command('logbraid')
    .description('Finds what belongs together in streams of logs, while they arrive.')
    .version(version)
    .showHelpAfterError('(logbraid --help lists commands and options)')
    .exitOverride()
    .addHelpText('after', EXIT_CODES);
  logbraid
    .command('run')
    .description('run a query over files and servers')
    .argument('<query>', 'such as: edge({status=~"5.."})[5m] and on(request_id) app({})[5m]')
    .addOption(file())
    .addOption(server('http', 'a URL of lines or Server-Sent Events'))
    .addOption(server('loki', 'where Grafana Loki is'))
    .addOption(server('graylog', 'where Graylog is'))
    .addOption(server('prometheus', 'where Prometheus is'))
    .option('--config <path>', 'options of the engine and sources, as TOML')
    .option(
      '--follow',
      'go on with what comes: as files grow and are rotated, responses end, servers have more; until interrupted',
    )
    .addOption(preset())
    .addOption(
      new Option('--output <how>', 'how to show what is found')
        .choices(OUTPUTS)
        .default('timeline'),
    )
    .option('--start <time>', 'only correlations that begin at this time (RFC 3339) or later')
    .option('--end <time>', 'only correlations that begin before this time')
    .option('--limit <n>', 'end after this many correlations')
    .addOption(
      new Option('--emit <when>', 'once, when final, or at once and again as they grow').choices([
        'final',
        'eager',
      ]),
    )
    .option('--late-tolerance <duration>', 'how far events may be out of order (default: 30s)')
    .addOption(
      new Option('--late <how>', 'late events complete matches, or are ignored').choices([
        'match',
        'drop',
      ]),
    )
    .option('--dedupe', 'ignore exact repeats of events')
    .option(
      '--max-memory <size>',
      "such as 512MiB, or 512MB, the same (default: half the machine's, at most 3000MiB)",
    )
    .option('--max-events <n>', 'events held at a time (default: no bound)')
    .addOption(
      new Option('--overflow <how>', 'at these bounds: drop the oldest events, or end').choices([
        'evict',
        'block',
      ]),
    )
    .option('--max-per-correlation <n>', 'events of one correlation (default: 10000)')
    .option('--threads <n>', 'processors to use, from 1 to 64 (default: all)')
    .option('--stats', 'tell events, time and memory at the end, as JSON on standard error')
    .addHelpText('after', EXIT_CODES)
    .action(async (query: string, options: RunOptions) => {
      const { runQuery } = await import('./run.js');
      finish(await runQuery(query, options));
    });
  logbraid
    .command('check')
    .description('check a query and show what is wrong with it, and where')
    .argument('<query>')
    .addOption(selecting())
    .action(async (query: string, options: { selecting?: string[] }) => {
      finish(await checkQuery(query, options));
    });
  logbraid
    .command('format')
    .description('write a query in its canonical form')
    .argument('<query>')
    .action(async (query: string) => {
      finish(await formatQuery(query));
    });
  logbraid
    .command('explain')
    .description('show what a query will do, what it holds, and what would make it cheaper')
    .argument('<query>')
    .option('--rate <events/s>', 'events a second that each stream keeps (default: 1000)')
    .option('--bytes <bytes/event>', 'bytes that the engine holds for an event (default: 512)')
    .option('--late-tolerance <duration>', 'how far events may be out of order (default: 30s)')
    .addOption(selecting())
    .addOption(
      new Option('--output <how>', 'how to show it').choices(['text', 'json']).default('text'),
    )
    .action(async (query: string, options: ExplainCommand) => {
      const { explainQuery } = await import('./explain.js');
      finish(await explainQuery(query, options));
    });
  logbraid
    .command('load')
    .description('put a query under load: made events that suit it, sent as live sources would')
    .argument('<query>')
    .option('--rate <events/s>', 'events a second, over all streams', '1000')
    .option('--duration <duration>', 'how long to measure', '10s')
    .option('--warmup <duration>', 'how long to run before that', '2s')
    .option('--engines <n>', 'engines in the process, each under that load', '1')
    .addOption(preset())
    .option('--settings <file>', 'options of an engine, as TOML')
    .option('--compare <files...>', 'settings to run by turns and to show beside each other')
    .option('--rounds <n>', 'of --compare: how often each runs; medians are shown', '3')
    .addOption(
      new Option(
        '--emit <when>',
        'deliver results at once, or when final (default: eager)',
      ).choices(['final', 'eager']),
    )
    .option('--match <share>', 'of requests that each stream but the first logs too', '0.8')
    .option('--repeat <n>', 'events of each stream that logs a request, 50ms apart', '1')
    .option('--disorder <share>', 'of events that are up to 1s older than when they come', '0.05')
    .option('--late <share>', 'of events that come too late', '0')
    .option('--size <bytes>', 'of an event', '220')
    .option('--seed <n>', 'of all that is random', '1')
    .addOption(
      new Option(
        '--field <stream.label=value>',
        'a label of the events of a stream; can be given several times',
      ).argParser((value: string, before: Field[] | undefined) => parseField(value, before)),
    )
    .addOption(selecting())
    .option('--json', 'as JSON')
    .action(async (query: string, options: LoadCommand) => {
      const { loadQuery } = await import('./load/index.js');
      finish(await loadQuery(query, options));
    });
  logbraid
    .command('sources')
    .description('show what is in files: format, time, labels, span, rate')
    .addOption(file().makeOptionMandatory())
    .option('--json', 'as JSON')
    .action(async (options: { file: FileArgument[]; json?: boolean }) => {
      const { showSources } = await import('./sources.js');
      finish(await showSources(options.file, options.json ?? false));
    });
  for (const command of logbraid.commands) command.exitOverride();
  return logbraid;
}

/** A message about bounds, with the flags of the command line for the options of an engine. */
function inFlags(message: string): string {
  return message
    .replace(/\bmaxEventsPerCorrelation\b/g, '--max-per-correlation')
    .replace(/\bmaxEvents\b/g, '--max-events')
    .replace(/\bmaxMemoryMB\b/g, '--max-memory')
    .replace(/\blateTolerance\b/g, '--late-tolerance')
    .replace(/^threads\b/, '--threads');
}

/** Says what went wrong, in as few words as possible, and gives the exit code. */
function report(error: unknown): number {
  if (error instanceof CommanderError) {
    // Commander has said it already.
    return error.exitCode === 0 ? EXIT.found : EXIT.usage;
  }
  if (error instanceof MemoryError || error instanceof OptionError) {
    console.error(`error: ${sanitize(inFlags(error.message))}`);
    return EXIT.usage;
  }
  if (error instanceof QueryError) {
    const { query } = error.details;
    const color = colorsWanted(2);
    const drawn = typeof query === 'string' ? render(query, { color }).trimEnd() : '';
    console.error(drawn || `error: ${error.message}`);
    return EXIT.usage;
  }
  if (error instanceof OutputClosed) {
    return EXIT.found;
  }
  if (error instanceof AdapterNotFoundError) {
    const name = String(error.details['name']);
    console.error(
      `error: the query reads ${name}, and no source has that name; add --file ${name}=PATH`,
    );
    return EXIT.usage;
  }
  if (
    error instanceof CorrelationError ||
    error instanceof UsageError ||
    error instanceof OutputError
  ) {
    console.error(`error: ${sanitize(error.message)}`);
    const code = error instanceof CorrelationError ? error.code : '';
    return error instanceof SourceError || code === 'ADAPTER_ERROR' ? EXIT.source : EXIT.usage;
  }
  console.error(error);
  return EXIT.usage;
}

let code: number = EXIT.found;
try {
  await program((result) => {
    code = result;
  }).parseAsync();
} catch (error) {
  code = report(error);
}
// Standard input may still be open; everything has been written.
process.exit(code);
