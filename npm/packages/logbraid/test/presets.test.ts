import assert from 'node:assert/strict';
import { test } from 'node:test';

import { CorrelationEngine, OptionError, presets } from 'logbraid';
import { resolveOptions } from '#dist/options.js';

test('every preset makes an engine, and differs from the defaults', () => {
  const defaults = resolveOptions({});
  for (const preset of Object.keys(presets) as (keyof typeof presets)[]) {
    new CorrelationEngine({ preset });
    assert.notDeepEqual(resolveOptions({ preset }), defaults, preset);
  }
});

test('options given beside a preset win, and undefined is not given', () => {
  const { maxMemoryMB, bufferSize } = resolveOptions({
    preset: 'low-memory',
    maxMemoryMB: 20,
    bufferSize: undefined,
  });
  assert.deepEqual([maxMemoryMB, bufferSize], [20, presets['low-memory'].bufferSize]);
});

test('an unknown preset is refused with those there are', () => {
  assert.throws(
    () => new CorrelationEngine({ preset: 'huge' as never }),
    (error) =>
      error instanceof OptionError &&
      error.details['option'] === 'preset' &&
      Object.keys(presets).every((name) => error.message.includes(name)),
  );
});
