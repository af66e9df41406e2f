// For browsers and Workers: the module is in the script, for where there is nothing to fetch it from.
import { setDefaultSource } from '../platform/web.js';

import module from '../../../wasm/logbraid.wasm';

setDefaultSource(() => module, true);

export * from '../index.js';
