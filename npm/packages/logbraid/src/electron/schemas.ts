// What a window may ask of its engine: the requests of src/remote/messages.ts but those that would have the engine
// read what the window names. Events that are pushed are left to the engine, which takes any value for one.
import * as v from 'valibot';

import { EVENTS } from '../events.js';
import type { Method, Request } from '../remote/messages.js';
import type { ResolvedLimits } from './limits.js';
import { refused } from './refusal.js';

/** Of the requests, those that a window may make, but the first. */
export type WindowRequest = Exclude<
  Request,
  { type: 'start' | 'addBlob' | 'addAdapter' } | { type: 'call'; method: 'destroyAdapter' }
>;

/** The first request of a window. */
export type StartRequest = Extract<Request, { type: 'start' }>;

const number = v.pipe(v.number(), v.safeInteger(), v.minValue(1));
const absent = v.optional(v.undefined());
const text = v.string();
const optionalText = v.optional(text);
const time = v.optional(v.union([text, v.number(), v.bigint(), v.date()]));
const emit = v.optional(v.picklist(['final', 'eager']));

/** Of an error; `cause` is another, which unpacking goes through. */
const error: v.GenericSchema = v.strictObject({
  code: optionalText,
  name: text,
  message: text,
  details: v.optional(v.record(text, v.unknown())),
  cause: v.optional(v.union([text, v.lazy(() => error)])),
});

const proxied = v.strictObject({
  bounded: v.boolean(),
  selects: v.boolean(),
  decoder: v.optional(
    v.strictObject({
      ...v.entriesFromList(['format', 'time', 'message', 'level', 'zone'], optionalText),
      referenceTime: time,
    }),
  ),
  clockSkew: v.optional(v.union([v.number(), text])),
});

const notice = v.variant('type', [
  v.strictObject({ type: v.literal('history') }),
  v.strictObject({ type: v.literal('live') }),
  v.strictObject({
    type: v.literal('reconnect'),
    attempt: v.number(),
    delayMs: v.number(),
    error,
  }),
  v.strictObject({
    type: v.literal('gap'),
    from: text,
    to: text,
    count: v.optional(v.number()),
    reason: text,
  }),
]);

/** The engine checks the options that it is given; this is what it does not bound. */
function startSchema({ nameLength, queryLength, sources }: ResolvedLimits) {
  const patterns = v.pipe(
    v.record(v.pipe(text, v.maxLength(nameLength)), v.pipe(text, v.maxLength(queryLength))),
    v.check((given) => Object.keys(given).length <= sources, 'too many patterns'),
  );
  const dedupe = v.union([
    v.boolean(),
    v.looseObject({
      fields: v.optional(
        v.pipe(v.array(v.pipe(text, v.maxLength(nameLength))), v.maxLength(sources)),
      ),
    }),
  ]);
  return v.strictObject({
    type: v.literal('start'),
    options: v.looseObject({ keyPatterns: v.optional(patterns), dedupe: v.optional(dedupe) }),
    // What the engine is made of is the program's to say.
    wasm: absent,
  });
}

function callSchemas(query: v.GenericSchema<string>, name: v.GenericSchema<string>) {
  const call = <const M extends Method, const A extends v.TupleItems>(method: M, args: A) =>
    v.strictObject({
      type: v.literal('call'),
      call: number,
      method: v.literal(method),
      args: v.strictTuple(args),
    });
  return [
    call('parse', [query]),
    call('validate', [query]),
    call('complete', [query, v.number()]),
    call('vocabulary', []),
    call('metrics', [v.strictObject({ format: v.optional(v.literal('prometheus')) })]),
    call('setMaxMemory', [v.pipe(v.number(), v.gtValue(0))]),
    call('removeAdapter', [name]),
    call('destroy', []),
  ] as const;
}

function requestSchema(limits: ResolvedLimits) {
  const query = v.pipe(text, v.maxLength(limits.queryLength));
  const name = v.pipe(text, v.maxLength(limits.nameLength));
  const labels = v.array(v.strictObject({ name: text, values: v.array(text) }));
  const options = v.strictObject({
    signal: absent,
    emit,
    start: time,
    end: time,
    limit: v.optional(v.number()),
  });
  // Weighed before, one by one.
  const items = v.custom<unknown[]>(Array.isArray);
  return v.variant('type', [
    v.strictObject({ type: v.literal('addStream'), name, adapter: number, options: proxied }),
    v.strictObject({ type: v.literal('labels'), adapter: number, labels }),
    v.strictObject({ type: v.literal('addPush'), name, source: number }),
    v.strictObject({ type: v.literal('push'), source: number, items }),
    v.strictObject({ type: v.literal('end'), source: number }),
    v.strictObject({ type: v.literal('listen'), event: v.picklist(EVENTS), wanted: v.boolean() }),
    v.variant('method', callSchemas(query, name)),
    v.strictObject({ type: v.literal('correlate'), run: number, query, options }),
    v.strictObject({ type: v.literal('pull'), run: number, count: number }),
    v.strictObject({ type: v.literal('leave'), run: number }),
    v.strictObject({ type: v.literal('items'), stream: number, items }),
    v.strictObject({ type: v.literal('notice'), stream: number, notice }),
    v.strictObject({ type: v.literal('finished'), stream: number, error: v.optional(error) }),
  ]);
}

/** Tells requests from anything else; what it throws says what is wrong. */
export class RequestReader {
  readonly #start;
  readonly #request;

  constructor(limits: ResolvedLimits) {
    this.#start = startSchema(limits);
    this.#request = requestSchema(limits);
  }

  start(message: unknown): StartRequest {
    return read(this.#start, message) as StartRequest;
  }

  request(message: unknown): WindowRequest {
    return read(this.#request, message) as WindowRequest;
  }
}

function read(schema: v.GenericSchema, message: unknown): unknown {
  const { success, output, issues } = v.safeParse(schema, message, { abortEarly: true });
  if (success) return output;
  const [{ message: what }] = issues;
  throw refused(`${v.getDotPath(issues[0]) ?? 'message'}: ${what}`);
}
