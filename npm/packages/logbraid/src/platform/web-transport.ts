import type { Transport, TransportOptions } from '../adapters/transport.js';
import { OptionError } from '../errors.js';

/** What browsers have: `fetch`. Headers cannot be sent with their WebSockets. */
export function openTransport(options: TransportOptions): Transport {
  for (const option of ['proxy', 'ca'] as const) {
    if (options[option] === undefined) continue;
    throw new OptionError(`${option} is for Node and Electron main; browsers have their own`, {
      details: { option },
    });
  }
  return {
    fetch: (url, { method, headers, body, signal }) =>
      fetch(url, {
        method,
        headers,
        signal,
        cache: 'no-store',
        ...(body !== undefined && { body }),
      }),
    close: () => Promise.resolve(),
  };
}
