import type { Correlation, CorrelationJson } from '../correlation.js';

/** A correlation in the shape of log-correlator: plain data, and what Logbraid says beyond that. */
export type CorrelatedEvent = CorrelationJson;

/**
 * The plain data of a correlation. Streams have the name of their source, as often as it is in the query;
 * times have milliseconds, and more digits only where they say more.
 */
export function toCorrelatedEvent(correlation: Correlation): CorrelatedEvent {
  const data = correlation.toJSON();
  const { timeWindow, metadata, events } = data;
  return {
    ...data,
    timestamp: shortened(data.timestamp),
    timeWindow: { start: shortened(timeWindow.start), end: shortened(timeWindow.end) },
    metadata: { ...metadata, matchedStreams: metadata.matchedStreams.map(withoutPosition) },
    events: events.map((event) => ({ ...event, timestamp: shortened(event.timestamp) })),
  };
}

function withoutPosition(stream: string): string {
  return stream.replace(/#\d+$/, '');
}

/** As `Date.toISOString` writes it, where nothing is lost by that. */
function shortened(timestamp: string): string {
  return timestamp.replace(/(\.\d{3})0{6}Z$/, '$1Z');
}
