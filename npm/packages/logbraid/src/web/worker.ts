// What a Worker of `createWorkerEngine` runs in browsers.
import { setDefaultSource } from '../platform/web.js';
import { ADAPTERS } from '../remote/adapters.js';
import { serve } from '../remote/host.js';
import { portOf } from '../remote/port.js';

setDefaultSource(() => new URL('../../wasm/logbraid.wasm', import.meta.url));
serve(portOf(globalThis as unknown as Worker), ADAPTERS);
