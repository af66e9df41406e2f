// What a Worker of `createWorkerEngine` runs in Node.
import { workerData } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';

import { FileAdapter } from '../adapters/file.js';
import { ADAPTERS } from '../remote/adapters.js';
import { serve } from '../remote/host.js';
import { portOf } from '../remote/port.js';

const { port } = workerData as { port: MessagePort };
serve(portOf(port), { ...ADAPTERS, file: FileAdapter });
