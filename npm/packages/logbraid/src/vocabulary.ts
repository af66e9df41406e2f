import type { KnownLabel, Vocabulary } from './query.js';

/** As in the engine: all of the first events of a source are looked at, then one of every so many. */
const FIRST = 256;
const EVERY = 64;

/** Most values of a label that are remembered of past queries; of labels, four times as many. */
const MOST_VALUES = 64;

/** Most text that is remembered of past queries, in UTF-16 units. */
const MOST_TEXT = 1 << 17;

/** The first event from `number` on that is looked at; the first of a source is 0. */
export function nextSample(number: number): number {
  return number < FIRST ? number : Math.ceil(number / EVERY) * EVERY;
}

/** Both; what the first knows comes first. */
export function merge(known: Vocabulary, more: Vocabulary): Vocabulary {
  const sources = new Map<string, { selects: boolean; labels: Map<string, Set<string>> }>();
  for (const { name, selects, labels } of [...(known.sources ?? []), ...(more.sources ?? [])]) {
    const source = sources.get(name) ?? { selects: false, labels: new Map<string, Set<string>>() };
    sources.set(name, source);
    source.selects ||= selects ?? false;
    for (const { name, values } of labels ?? []) {
      const there = source.labels.get(name) ?? new Set();
      source.labels.set(name, there);
      for (const value of values ?? []) there.add(value);
    }
  }
  return {
    sources: [...sources].map(([name, { selects, labels }]) => ({
      name,
      selects,
      labels: [...labels].map(([name, values]) => ({ name, values: [...values] })),
    })),
  };
}

/** What is known of the sources that are there. */
export function knownOf(
  there: ReadonlyMap<string, unknown>,
  { sources = [] }: Vocabulary,
): Vocabulary {
  return { sources: sources.filter(({ name }) => there.has(name)) };
}

/** As much of it as is remembered of past queries: less of each label where it is much in all. */
export function bounded(known: Vocabulary): Vocabulary {
  let kept = known;
  for (let most = MOST_VALUES; ; most = Math.floor(most / 2)) {
    const sources = (kept.sources ?? []).map(({ labels = [], ...source }) => ({
      ...source,
      labels: labels
        .slice(0, most * 4)
        .map(({ name, values = [] }) => ({ name, values: values.slice(0, most) })),
    }));
    kept = { sources };
    const all = sources.flatMap(({ labels }) => labels);
    const text = all.flatMap(({ name, values }) => [name, ...values]);
    if (text.reduce((units, { length }) => units + length, 0) <= MOST_TEXT) return kept;
  }
}

/** What an adapter says it knows, without what makes no sense. */
export function knownLabels(given: unknown): KnownLabel[] {
  const labels: unknown[] = Array.isArray(given) ? given : [];
  return labels.flatMap((label) => {
    if (typeof label === 'string') return [{ name: label }];
    if (typeof label !== 'object' || label === null) return [];
    const { name, values } = label as { name?: unknown; values?: unknown };
    if (typeof name !== 'string') return [];
    const texts: unknown[] = Array.isArray(values) ? values : [];
    return [{ name, values: texts.filter((value) => typeof value === 'string') }];
  });
}
