import type { DataSourceAdapter, StreamItem, StreamOptions } from '../adapters/adapter.js';
import { isByteStream } from '../adapters/bytes.js';

/**
 * An adapter that tells of the items of its streams, where `tell` gives somebody to tell when a stream is
 * opened. Files and byte streams are read by the engine itself and tell nothing.
 */
export function telling(
  adapter: DataSourceAdapter,
  tell: () => ((item: StreamItem) => void) | undefined,
): DataSourceAdapter {
  const createStream = (selector: string, options: StreamOptions) => {
    const stream = adapter.createStream(selector, options);
    const told = tell();
    return told && !isByteStream(stream) ? tapped(stream, told) : stream;
  };
  return new Proxy(adapter, {
    get(target, name) {
      if (name === 'createStream') return createStream;
      // As itself: private fields are not those of a proxy.
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

/** Unlike a generator it can be left while it waits. */
function tapped(
  stream: AsyncIterable<StreamItem>,
  told: (item: StreamItem) => void,
): AsyncIterable<StreamItem> {
  return {
    [Symbol.asyncIterator]() {
      const items = stream[Symbol.asyncIterator]();
      return {
        async next() {
          const result = await items.next();
          if (!result.done) told(result.value);
          return result;
        },
        async return() {
          await items.return?.();
          return { value: undefined, done: true };
        },
      };
    },
  };
}
