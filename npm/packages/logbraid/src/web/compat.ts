// For browsers and Workers: the layer for users of log-correlator; the module is a file of its own.
import { setDefaultSource } from '../platform/web.js';

setDefaultSource(() => new URL('../../wasm/logbraid.wasm', import.meta.url));

export * from '../compat/index.js';
