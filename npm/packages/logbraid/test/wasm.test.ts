// What is particular to WebAssembly: an instance that has trapped is left behind, and so is one that has
// grown large.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { CorrelationEngine, InternalError, load } from 'logbraid';

import type { NativeCorrelator } from '#dist/backend.js';
import { loadBackend } from '#dist/platform/node.js';
import { wasmBackend } from '#dist/platform/wasm.js';
import { serve } from '#dist/remote/host.js';
import type { PlainError, Reply, Request } from '#dist/remote/messages.js';

const MODULE = new URL('../../wasm/logbraid.wasm', import.meta.url);
const QUERY = 'a({}) and on(k) b({})';

/** The memories of the instances that are made in it. */
function memoriesOf(body: () => void): WebAssembly.Memory[] {
  const { Instance } = WebAssembly;
  const memories: WebAssembly.Memory[] = [];
  WebAssembly.Instance = class extends Instance {
    constructor(module: WebAssembly.Module, imports?: WebAssembly.Imports) {
      super(module, imports);
      memories.push(this.exports['memory'] as WebAssembly.Memory);
    }
  };
  try {
    body();
  } finally {
    WebAssembly.Instance = Instance;
  }
  return memories;
}

/** Takes all memory that an instance may have, so that the next that is needed is not there. */
function exhaust(memories: WebAssembly.Memory[]): void {
  for (const memory of memories) {
    const pages = memory.buffer.byteLength / 65_536;
    memory.grow(65_536 - pages);
  }
}

test('a query of an instance that has trapped fails with a code, and the next gets another', () => {
  const backend = wasmBackend(new WebAssembly.Module(readFileSync(MODULE)));
  const woken: string[] = [];
  const make = (name: string) =>
    new backend.Correlator(QUERY, {}, 1, () => {
      woken.push(name);
    });
  let first: ReturnType<typeof make> | undefined;
  let second: ReturnType<typeof make> | undefined;
  const memories = memoriesOf(() => {
    first = make('first');
    second = make('second');
  });
  exhaust(memories);
  assert.ok(first && second);
  const stopped = (error: unknown) => {
    assert.ok(error instanceof InternalError, String(error));
    assert.equal(error.code, 'INTERNAL_ERROR');
    assert.match(error.message, /^the wasm engine has stopped, with 4096 MB of memory: /);
    return true;
  };
  const line = new TextEncoder().encode(
    `{"time":"2026-01-01T00:00:00Z","k":"${'x'.repeat(4000)}"}\n`,
  );
  assert.throws(() => {
    for (let count = 0; count < 100_000; count += 1) first?.push(0, line);
  }, stopped);
  // Both are told, and neither enters it again.
  assert.deepEqual(woken, ['first', 'second']);
  assert.throws(() => second?.drain(1), stopped);
  assert.throws(() => first?.push(0, line), stopped);
  assert.equal(second.vocabulary(), '{}');
  assert.equal(second.metrics().sources.length, 2);
  first.release();
  second.release();
  const third = make('third');
  third.push(0, line);
  assert.equal(third.drain(1).length, 0);
  third.release();
});

test('a stream that is read when the instance traps fails with the code, and is left', async () => {
  const backend = wasmBackend(new WebAssembly.Module(readFileSync(MODULE)));
  let correlator: InstanceType<typeof backend.Correlator> | undefined;
  const memories = memoriesOf(() => {
    correlator = new backend.Correlator(QUERY, {}, 1);
  });
  exhaust(memories);
  assert.ok(correlator);
  const line = new TextEncoder().encode(
    `{"time":"2026-01-01T00:00:00Z","k":"${'x'.repeat(4000)}"}\n`,
  );
  let left: unknown;
  const stream = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      controller.enqueue(line.slice());
    },
    cancel: (reason) => {
      left = reason ?? 'left';
    },
  });
  const reading = correlator.feed?.(0, stream, () => Promise.resolve());
  await assert.rejects(async () => reading, { name: 'InternalError', code: 'INTERNAL_ERROR' });
  await new Promise(setImmediate);
  assert.ok(left, 'the stream is told');
  correlator.release();
});

test('the other end of a port is told of a trap, though what is ready cannot be sent any more', async () => {
  await load(readFileSync(MODULE));
  // Whose instance the query of the port shares.
  let other: NativeCorrelator | undefined;
  const memories = memoriesOf(() => {
    other = new (loadBackend('wasm').Correlator)(QUERY, {}, 1);
  });
  let hear: (request: Request) => void = () => undefined;
  const send = (request: Request) => {
    setImmediate(hear, request);
  };
  const line = (time: string, k: string) =>
    `${JSON.stringify({ time: `2026-01-01T${time}Z`, k })}\n`;
  const first = [0, 1, 2].map((at) => line(`00:00:0${at}`, `k${at}`)).join('');
  const later = line('01:00:00', 'x'.repeat(4000)).repeat(100);
  const streams = new Set<number>();
  const [found, ended] = await new Promise<[number, PlainError | undefined]>((resolve) => {
    let found = 0;
    const take = (reply: Reply) => {
      if (reply.type === 'take') {
        const item = streams.has(reply.stream) ? later : `${first}${line('01:00:00', 'last')}`;
        streams.add(reply.stream);
        send({ type: 'items', stream: reply.stream, items: [item] });
      } else if (reply.type === 'found') {
        found += reply.found.packed.length;
        exhaust(memories);
      } else if (reply.type === 'drop') {
        // It has failed; the rest is asked for.
        send({ type: 'pull', run: 1, count: 10 });
      } else if (reply.type === 'ended') {
        resolve([found, reply.error]);
      }
    };
    serve({ listen: (receive) => (hear = receive), send: take }, {});
    send({ type: 'start', options: { backend: 'wasm' }, wasm: undefined });
    const options = { bounded: true, selects: false, decoder: undefined, clockSkew: 0 };
    send({ type: 'addStream', name: 'a', adapter: 1, options });
    send({ type: 'addStream', name: 'b', adapter: 2, options });
    send({ type: 'correlate', run: 1, query: QUERY, options: {} });
    send({ type: 'pull', run: 1, count: 1 });
  });
  assert.equal(found, 1);
  assert.equal(ended?.code, 'INTERNAL_ERROR');
  assert.match(ended.message, /^the wasm engine has stopped/);
  other?.release();
});

test('a stream is left when its query ends or does not want it', async () => {
  const backend = wasmBackend(new WebAssembly.Module(readFileSync(MODULE)));
  const endless = (told: string[]) =>
    new ReadableStream<Uint8Array>({
      pull: (controller) => {
        controller.enqueue(new TextEncoder().encode('\n'));
      },
      // Nobody waits for one that never says that it has stopped.
      cancel: () => {
        told.push('cancel');
        return new Promise(() => undefined);
      },
    });
  const told: string[] = [];
  const correlator = new backend.Correlator(QUERY, {}, 1);
  const first = correlator.feed?.(0, endless(told), () => new Promise(() => undefined));
  await new Promise(setImmediate);
  assert.deepEqual(told, []);
  correlator.release();
  await first;
  assert.deepEqual(told, ['cancel']);
  const refusing = new backend.Correlator(QUERY, {}, 1);
  const second = refusing.feed?.(0, endless(told), () => Promise.reject(new Error('no more')));
  await assert.rejects(async () => second, /no more/);
  assert.deepEqual(told, ['cancel', 'cancel']);
  refusing.release();
});

test('a stream that somebody else reads fails its query, and the instance goes on', async () => {
  const backend = wasmBackend(new WebAssembly.Module(readFileSync(MODULE)));
  const correlator = new backend.Correlator(QUERY, {}, 1);
  const stream = new Blob(['\n']).stream();
  const reader = stream.getReader();
  const refused = correlator.feed?.(0, stream, () => undefined);
  await assert.rejects(async () => refused, { name: 'TypeError', message: /locked/ });
  await reader.cancel();
  const told: number[] = [];
  await correlator.feed?.(0, new Blob(['\n']).stream(), (bytes) => {
    told.push(bytes);
    return undefined;
  });
  assert.deepEqual(told, [1, 0]);
  correlator.release();
});

test('the memory of a large query is given back', async () => {
  const sizes: number[] = [];
  const backend = wasmBackend(new WebAssembly.Module(readFileSync(MODULE)));
  const { Instance } = WebAssembly;
  WebAssembly.Instance = class extends Instance {
    constructor(module: WebAssembly.Module, imports?: WebAssembly.Imports) {
      super(module, imports);
      sizes.push((this.exports['memory'] as WebAssembly.Memory).buffer.byteLength);
    }
  };
  try {
    const small = new backend.Correlator(QUERY, {}, 1);
    small.release();
    const large = new backend.Correlator(QUERY, { maxMemoryBytes: 1 << 30 }, 1);
    const block = Array.from(
      { length: 1000 },
      (_, at) => `{"time":"2026-01-01T00:00:00Z","k":"${at}","m":"${'x'.repeat(1000)}"}\n`,
    );
    const bytes = new TextEncoder().encode(block.join(''));
    for (let count = 0; count < 200; count += 1) large.push(0, bytes);
    const other = new backend.Correlator(QUERY, {}, 1);
    large.release();
    other.release();
    assert.equal(sizes.length, 1, 'queries share an instance');
    new backend.Correlator(QUERY, {}, 1).release();
    assert.equal(sizes.length, 2, 'a large one is left behind when nobody uses it');
  } finally {
    WebAssembly.Instance = Instance;
  }
  await load(new Uint8Array(readFileSync(MODULE)));
  assert.equal(loadBackend('wasm').kind, 'wasm');
});

test('a module is loaded from bytes, a response or a compiled module, and nothing else', async () => {
  const bytes = readFileSync(MODULE);
  await load(bytes);
  await load(new Response(bytes));
  await load(new Response(bytes, { headers: { 'content-type': 'application/wasm' } }));
  await load(new WebAssembly.Module(bytes));
  await using engine = new CorrelationEngine({ backend: 'wasm' });
  engine.addAdapter('a', [{ timestamp: 0, message: '', labels: { k: '1' } }]);
  engine.addAdapter('b', [{ timestamp: 1, message: '', labels: { k: '1' } }]);
  assert.equal((await engine.run(QUERY)).length, 1);
  for (const [wrong, message] of [
    [new Uint8Array(8), /cannot be loaded: .*/],
    [new Response('gone', { status: 404, statusText: 'Not Found' }), /404 Not Found/],
    [7 as never, /not 7$/],
  ] as const) {
    await assert.rejects(load(wrong), {
      code: 'BACKEND_UNAVAILABLE',
      message,
    });
  }
});
