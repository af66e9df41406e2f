import { Comparison, Condition, LabelOperand, Operand, conditionText } from './operand.js';
import { bad } from '../checks.js';
import { labelName } from './text.js';

export { value } from './operand.js';

/** The opposite of a condition. */
export function not<S extends string>(condition: Condition<S>): Condition<S> {
  return new Condition(`not (${conditionText('not', condition)})`);
}

/** What has events to choose from. That these are of one stream is known when it is built. */
type OfAny<E extends string> = [E] extends [never] ? never : unknown;

/** Holds if a comparison of a label holds for all events of its stream; never for a stream without events. */
export function every<S extends string, E extends string>(
  condition: Comparison<S, E> & OfAny<E>,
): Condition<S> {
  const isAboutOne = condition instanceof Comparison && new Set(condition.anyOf).size === 1;
  if (!isAboutOne) bad('every', condition, 'one comparison, about labels of one stream');
  return new Condition(`every(${condition.text})`);
}

/** The name of a stream: its alias, its source, or `source#position`. */
function streamName(value: string): string {
  return typeof value === 'string' && /^[A-Za-z_][A-Za-z0-9_]*(?:#[0-9]+)?$/.test(value)
    ? value
    : bad('stream', value, 'an alias, a source, or a source and its position such as app#2');
}

/** What can be a label: `ts` is the time of an event. */
type NoTime<L extends string> = L extends 'ts' ? never : L;

/** A label of some event of a stream. */
export function label<S extends string, L extends string>(
  stream: S,
  name: NoTime<L>,
): LabelOperand<S, S> {
  return new LabelOperand(`${streamName(stream)}.${memberName(name)}`, [stream]);
}

/** A label that is not hidden by the time of an event. */
function memberName(value: string): string {
  return value === 'ts' ? bad('label', value, 'a label; ts is a time') : labelName('label', value);
}

/** The time of the first event of a stream. */
export function ts<S extends string>(stream: S): Operand<'time', S, never> {
  return new Operand('time', `${streamName(stream)}.ts`);
}

/** The first event of a stream. */
export function first<S extends string>(stream: S) {
  return event('first', stream);
}

/** The last event of a stream. */
export function last<S extends string>(stream: S) {
  return event('last', stream);
}

function event<S extends string>(which: string, stream: S) {
  const text = `${which}(${streamName(stream)})`;
  return {
    /** Its time. */
    ts: new Operand<'time', S, never>('time', `${text}.ts`),
    /** One of its labels. */
    label: <L extends string>(name: NoTime<L>) =>
      new LabelOperand<S, never>(`${text}.${memberName(name)}`),
  };
}

/** How many events a stream has; of all streams when none is named. */
export function count<S extends string = never>(stream?: S): Operand<'number', S, never> {
  return new Operand('number', `count(${stream === undefined ? '' : streamName(stream)})`);
}

/** From the first event of the correlation to the last. */
export const duration = new Operand<'duration', never, never>('duration', 'duration');
