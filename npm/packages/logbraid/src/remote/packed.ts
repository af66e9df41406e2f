import type { PlanSummary } from '../backend.js';
import { Correlation } from '../correlation.js';
import type { PackedCorrelation, PackedCorrelations } from './messages.js';

/** Packs correlations of one query for the way. The plan goes with the first of them. */
export function pack(correlations: Correlation[], isFirst: boolean): PackedCorrelations {
  const records: Uint8Array[] = [];
  let end = 0;
  const packed = correlations.map((correlation): PackedCorrelation => {
    const { record, ...others } = correlation.pack();
    records.push(record);
    end += record.length;
    return { end, ...others };
  });
  const joined = new Uint8Array(end);
  let at = 0;
  for (const record of records) {
    joined.set(record, at);
    at += record.length;
  }
  return { plan: isFirst ? correlations[0]?.plan : undefined, records: joined, packed };
}

/** The correlations of what others were packed into. */
export function unpack({ records, packed }: PackedCorrelations, plan: PlanSummary): Correlation[] {
  const batch = new DataView(records.buffer, records.byteOffset, records.byteLength);
  let start = 0;
  return packed.map(({ end, head, events, failedSources, objects }) => {
    const known = new Map(objects);
    const correlation = new Correlation(batch, start, end, {
      correlator: { headJson: () => head, eventsJson: () => events },
      plan,
      failedSources,
      host: { get: (id) => known.get(id), weightOf: () => 0 },
    });
    start = end;
    return correlation;
  });
}
