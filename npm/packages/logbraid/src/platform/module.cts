// CommonJS: where this file is, is the same from both builds.
import fs = require('node:fs');
import path = require('node:path');

/** The bytes of the wasm module. */
export = function readModule(): Uint8Array {
  return fs.readFileSync(path.join(__dirname, '../../../wasm/logbraid.wasm'));
};
