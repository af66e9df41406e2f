import CliTable from 'cli-table3';

import type { Durations } from '../../types.js';
import type { LoadReport } from './measure.js';

/** What is told of a load test, line by line: a name, and how it is read from a report. */
const ROWS: readonly (readonly [name: string, show: (report: LoadReport) => string])[] = [
  ['offered', ({ rate }) => `${amount(rate.offered)} events/s`],
  ['achieved', ({ rate }) => `${amount(rate.achieved)} events/s`],
  ['latency, eager', ({ latency }) => durations(latency.eager)],
  ['latency, final', ({ latency }) => durations(latency.final)],
  ['turns', ({ turns }) => durations(turns)],
  ['event loop delay', ({ eventLoopDelay }) => durations({ count: 1, ...eventLoopDelay })],
  [
    'CPU',
    ({ cpu }) => `${percent(cpu.engine)} of one core, and ${percent(cpu.load)} to make the load`,
  ],
  [
    'memory',
    ({ memory }) =>
      `${mebibytes(memory.process)} (${mebibytes(memory.before)} before); one query held ${mebibytes(memory.query)}`,
  ],
  [
    'results',
    ({ results }) =>
      `${amount(results.correlations)} correlations/s, ${amount(results.deliveries)} deliveries/s`,
  ],
  [
    'events',
    ({ events: { late, evicted, dropped, unknown, badLines, unsent } }) =>
      `${amount(late)} late, ${amount(evicted)} evicted, ${amount(dropped)} dropped, ${amount(unknown)} unknown, ` +
      `${amount(badLines)} bad, ${amount(unsent)} not sent`,
  ],
];

/** A report for people; percentiles are p50 · p95 · p99 · max. */
export function textOf(report: LoadReport): string {
  const lines = shownRows([report]).map(([name, show]) => `${name.padEnd(18)}${show(report)}`);
  return lines.join('\n');
}

/** The figures of a table; those of which there are none are left out. */
const FIGURES: readonly (readonly [name: string, of: (report: LoadReport) => number])[] = [
  ['offered, events/s', ({ rate }) => rate.offered],
  ['achieved, events/s', ({ rate }) => rate.achieved],
  ...(['eager', 'final'] as const).flatMap((when) =>
    (['p50', 'p95', 'p99', 'max'] as const).map(
      (which) =>
        [`${when} ${which}, ms`, ({ latency }: LoadReport) => latency[when][which]] as const,
    ),
  ),
  ['turns p99, ms', ({ turns }) => turns.p99],
  ['event loop delay p99, ms', ({ eventLoopDelay }) => eventLoopDelay.p99],
  ['CPU, % of a core', ({ cpu }) => cpu.engine],
  ['CPU of the load, %', ({ cpu }) => cpu.load],
  ['process, MiB', ({ memory }) => memory.process],
  ['one query held, MiB', ({ memory }) => memory.query],
  ['correlations/s', ({ results }) => results.correlations],
  ['deliveries/s', ({ results }) => results.deliveries],
  ['late', ({ events }) => events.late],
  ['evicted', ({ events }) => events.evicted],
  ['dropped', ({ events }) => events.dropped],
  ['unknown', ({ events }) => events.unknown],
  ['not sent', ({ events }) => events.unsent],
];

/** Reports beside each other, the name of each above it. */
export function tableOf(reports: readonly (readonly [name: string, report: LoadReport])[]): string {
  const table = new CliTable({
    head: ['', ...reports.map(([name]) => name)],
    colAligns: ['left', ...reports.map(() => 'right' as const)],
    style: { head: [], border: [], compact: true },
  });
  for (const [name, of] of FIGURES) {
    const values = reports.map(([, report]) => of(report));
    if (values.some((value) => value > 0)) table.push([name, ...values.map(figure)]);
  }
  return table.toString();
}

/** Three digits or so. */
function figure(value: number): string {
  return value >= 100 ? amount(value) : value.toFixed(value >= 10 || value === 0 ? 1 : 2);
}

/** Of several runs of the same, the median of each figure. */
export function medianOf(reports: readonly LoadReport[]): LoadReport {
  return median(reports) as LoadReport;
}

function median(values: readonly unknown[]): unknown {
  const [first] = values;
  if (typeof first === 'number') {
    const sorted = (values as number[]).slice().sort((a, b) => a - b);
    const [low = 0, high = 0] = [
      sorted[Math.floor((sorted.length - 1) / 2)],
      sorted[Math.ceil((sorted.length - 1) / 2)],
    ];
    return (low + high) / 2;
  }
  if (typeof first !== 'object' || first === null) return first;
  return Object.fromEntries(
    Object.keys(first).map((key) => [
      key,
      median(values.map((value) => (value as Record<string, unknown>)[key])),
    ]),
  );
}

/** Without the latencies of which there are none. */
function shownRows(reports: readonly LoadReport[]) {
  return ROWS.filter(([, show]) => reports.some((report) => show(report) !== ''));
}

function durations({ count, p50, p95, p99, max }: Durations): string {
  if (count === 0) return '';
  const short = (ms: number) =>
    ms >= 100 ? ms.toFixed(0) : ms >= 10 ? ms.toFixed(1) : ms.toFixed(2);
  return `${[p50, p95, p99, max].map(short).join(' · ')} ms`;
}

function amount(count: number): string {
  return count.toLocaleString('en-US', { maximumFractionDigits: 0 });
}

function percent(value: number): string {
  return `${value.toFixed(1)} %`;
}

function mebibytes(value: number): string {
  return `${value.toFixed(value < 10 ? 1 : 0)} MiB`;
}
