// For browsers and Workers: module and Worker are files of their own, that bundlers find and copy.
import { setDefaultSource, setDefaultWorker } from '../platform/web.js';

setDefaultSource(() => new URL('../../wasm/logbraid.wasm', import.meta.url));
setDefaultWorker(() => new Worker(new URL('./worker.js', import.meta.url), { type: 'module' }));

export * from '../index.js';
