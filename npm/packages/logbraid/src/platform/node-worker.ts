// What a Worker of `createWorkerEngine` runs in Node.
import { workerData } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';

import { serve } from '../remote/host.js';
import { portOf } from '../remote/port.js';

const { port } = workerData as { port: MessagePort };
serve(portOf(port));
