import { sourceName } from '../builder/text.js';
import { AdapterExistsError, OptionError } from '../errors.js';
import type { DataSourceAdapter } from './adapter.js';
import { IterableAdapter, isIterable } from './iterable.js';
import type { EventIterable } from './iterable.js';

/** The adapter that a program gives, or one for what it gives. Throws an `OptionError` at anything else. */
export function toAdapter(
  name: string,
  given: DataSourceAdapter | EventIterable,
): DataSourceAdapter {
  const value: unknown = given;
  if (typeof value === 'object' && value !== null) {
    if ('createStream' in value && typeof value.createStream === 'function') {
      return value as DataSourceAdapter;
    }
    if (isIterable(value)) {
      return new IterableAdapter(value);
    }
  }
  throw new OptionError(`the source ${name} is neither an adapter nor an iterable`, {
    details: { option: 'adapter', name },
  });
}

/** Throws where a source cannot have a name: no query can name it, or another has it. */
export function checkName(taken: ReadonlyMap<string, DataSourceAdapter>, name: string): void {
  sourceName('name', name);
  if (taken.has(name)) {
    throw new AdapterExistsError(`there is a source ${name} already`, { details: { name } });
  }
}
