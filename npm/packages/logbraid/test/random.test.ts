// The random cases that the naive model is held to, on the addon and on WebAssembly: both tell what the core told,
// to the byte. `cargo run -p logbraid-tests --example random_cases -- FILE` writes them.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { parse } from 'smol-toml';

import type { Case } from './case.js';
import { Driver, backends } from './driver.js';
import type { Delivery } from './driver.js';

const FILE = process.env['LOGBRAID_RANDOM_CASES'];

const skip =
  FILE === undefined && 'LOGBRAID_RANDOM_CASES names no file; cargo xtask test writes one';

test('the backends tell of random cases what the core tells', { skip }, (context) => {
  const { case: cases } = parse(readFileSync(FILE ?? '', 'utf8')) as unknown as {
    case: (Case & { told: string })[];
  };
  let steps = 0;
  for (const one of cases) {
    steps += one.steps?.length ?? 0;
    const deliveries: Delivery[] = [Infinity, 7, 'objects'];
    for (const delivery of deliveries) {
      const [native, wasm] = backends.map((backend) => new Driver(backend, one, delivery).play());
      const where = `${String(delivery)}: ${one.query}`;
      assert.equal(native, wasm, where);
      // How events come decides when what is told of beside correlations.
      if (delivery === Infinity) assert.equal(native, one.told, where);
    }
  }
  assert.ok(cases.length > 0, 'there are no cases');
  context.diagnostic(
    `parity: ${cases.length} random cases of ${steps} steps on core, addon and wasm`,
  );
});
