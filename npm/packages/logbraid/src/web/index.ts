// For browsers and Workers: the module is a file of its own, that bundlers find and copy.
import { setDefaultSource } from '../platform/web.js';

setDefaultSource(() => new URL('../../wasm/logbraid.wasm', import.meta.url));

export * from '../index.js';
