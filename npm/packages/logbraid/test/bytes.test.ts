// Bytes as the web has them are sources: streams of them, blobs and files, responses. On WebAssembly the
// engine reads them by itself, on the addon JavaScript does; the answer is the same.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { CorrelationEngine, IterableAdapter, SourceError } from 'logbraid';
import type { BackendKind } from 'logbraid';

const QUERY = 'a({}) and on(k) within(1s) b({})';

function lines(count: number, late = 0): string {
  const text = Array.from({ length: count }, (_, at) => {
    const time = new Date(Date.UTC(2026, 0, 1) + at * 10 + late).toISOString();
    return `${JSON.stringify({ time, k: `k${at}`, message: `number ${at}` })}\n`;
  });
  return text.join('');
}

/** A stream of bytes in pieces of a size that no line has, which counts the pieces that were taken. */
function stream(text: string, piece = 1000): { stream: ReadableStream<Uint8Array>; taken: number } {
  const bytes = new TextEncoder().encode(text);
  let at = 0;
  const counted = {
    taken: 0,
    stream: new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          if (at === bytes.length) {
            controller.close();
            return;
          }
          const end = Math.min(at + piece, bytes.length);
          controller.enqueue(bytes.slice(at, end));
          at = end;
          counted.taken += 1;
        },
      },
      { highWaterMark: 0 },
    ),
  };
  return counted;
}

for (const backend of ['native', 'wasm'] satisfies BackendKind[]) {
  const on = (title: string, body: () => Promise<void>) => {
    void test(`${title} (${backend})`, body);
  };

  on('a blob, a file, a response and a stream are joined as their lines', async () => {
    const [left, right] = [lines(500), lines(500, 3)];
    const pairs: [unknown, unknown][] = [
      [new Blob([left]), new Blob([right])],
      [new File([left], 'left.log'), new Response(right)],
      [stream(left).stream, stream(right, 70_000).stream],
      [new Response(left), stream(right, 1).stream],
    ];
    for (const [a, b] of pairs) {
      await using engine = new CorrelationEngine({ backend });
      engine.addAdapter('a', new IterableAdapter(a as Blob, { bounded: true }));
      engine.addAdapter('b', new IterableAdapter(b as Blob, { bounded: true }));
      const found = await engine.run(QUERY);
      assert.equal(found.length, 500);
      assert.deepEqual(
        found.slice(0, 2).map(({ joinValue, events }) => [joinValue, events.map((e) => e.message)]),
        [
          ['k0', ['number 0', 'number 0']],
          ['k1', ['number 1', 'number 1']],
        ],
      );
      assert.equal(engine.metrics().sources['a']?.bytes, new Blob([left]).size);
    }
  });

  on('a blob is bounded, and can be read again', async () => {
    await using engine = new CorrelationEngine({ backend });
    engine.addAdapter('a', new Blob([lines(10)]));
    engine.addAdapter('b', new Blob([lines(10)]));
    assert.equal((await engine.run(QUERY)).length, 10);
    assert.equal((await engine.run(QUERY)).length, 10);
  });

  on('a stream is read no further than the consumer comes', async () => {
    const text = lines(20_000);
    const { stream: left } = stream(text);
    const counted = stream(text);
    await using engine = new CorrelationEngine({ backend, bufferSize: 10 });
    engine.addAdapter('a', new IterableAdapter(counted.stream, { bounded: true }));
    engine.addAdapter('b', new IterableAdapter(left, { bounded: true }));
    const run = engine.correlate(QUERY);
    await run.next();
    // It has every chance to read on.
    await new Promise((resolve) => setTimeout(resolve, 100));
    const pieces = Math.ceil(text.length / 1000);
    assert.ok(counted.taken < pieces / 2, `${counted.taken} of ${pieces} pieces were taken`);
    let count = 1;
    while (!(await run.next()).done) count += 1;
    assert.equal(count, 20_000);
  });

  on('a stream that fails ends the query with its error, after what it gave', async () => {
    let pulled = 0;
    const source = {
      pull(controller: ReadableStreamDefaultController<Uint8Array>) {
        pulled += 1;
        if (pulled > 1) controller.error(new Error('the wire was cut'));
        else controller.enqueue(new TextEncoder().encode(lines(3)));
      },
    };
    const failing = new ReadableStream<Uint8Array>(source, { highWaterMark: 0 });
    await using engine = new CorrelationEngine({ backend });
    const options = { bounded: true, format: 'ndjson', time: 'time', message: 'message' };
    engine.addAdapter('a', new IterableAdapter(failing, options));
    engine.addAdapter('b', new Blob([lines(3)]));
    await assert.rejects(engine.run(QUERY), {
      code: 'ADAPTER_ERROR',
      message: 'the source a failed: the wire was cut',
    });
    assert.equal(engine.metrics().sources['a']?.events, 3);
  });

  on('a stream of anything but bytes is refused', async () => {
    const texts = new ReadableStream({
      start(controller) {
        controller.enqueue('text');
      },
    });
    await using engine = new CorrelationEngine({ backend });
    engine.addAdapter('a', texts as ReadableStream<Uint8Array>);
    engine.addAdapter('b', new Blob([]));
    await assert.rejects(engine.run(QUERY), {
      code: 'ADAPTER_ERROR',
      message: /the source a failed: a stream gave .*bytes/,
    });
  });

  on('what a server answers instead is not read as a log', async () => {
    await using engine = new CorrelationEngine({ backend });
    engine.addAdapter('a', new Response('<html>', { status: 502, statusText: 'Bad Gateway' }));
    engine.addAdapter('b', new Blob([]));
    await assert.rejects(engine.run(QUERY), (error) => {
      assert.ok(error instanceof SourceError, String(error));
      assert.match(error.message, /502 Bad Gateway/);
      assert.equal(error.details['source'], 'a');
      return true;
    });
  });

  on('leaving the loop cancels a stream that is waiting', async () => {
    let cancelled = 0;
    const endless = () =>
      new ReadableStream<Uint8Array>({
        start(controller) {
          controller.enqueue(new TextEncoder().encode(lines(3)));
        },
        cancel() {
          cancelled += 1;
        },
      });
    await using engine = new CorrelationEngine({ backend, emit: 'eager' });
    engine.addAdapter('a', endless());
    engine.addAdapter('b', endless());
    for await (const { joinValue } of engine.correlate(QUERY)) {
      assert.equal(joinValue, 'k0');
      break;
    }
    assert.equal(cancelled, 2);
  });

  on('an aborted query leaves its streams', async () => {
    let cancelled = 0;
    const silent = new ReadableStream<Uint8Array>({
      cancel() {
        cancelled += 1;
      },
    });
    await using engine = new CorrelationEngine({ backend });
    engine.addAdapter('a', silent);
    engine.addAdapter('b', new Blob([]));
    const signal = AbortSignal.timeout(20);
    await assert.rejects(engine.correlate(QUERY, { signal }).next(), { name: 'TimeoutError' });
    await engine.destroy();
    assert.equal(cancelled, 1);
  });
}
