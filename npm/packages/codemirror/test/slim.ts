// As page.ts, of a host that says itself where the engine is.

import { load } from 'logbraid/slim';

void load('/elsewhere.wasm');

export * from './page.js';
