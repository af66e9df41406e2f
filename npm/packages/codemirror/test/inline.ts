// As page.ts, of a host that has nothing to fetch the engine from.

import 'logbraid/inline';

export * from './page.js';
