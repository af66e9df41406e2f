// A Worker, or a process of a cluster, that runs its share of the engines.
import { parentPort, workerData } from 'node:worker_threads';

import { share } from './engines.js';
import type { Share } from './engines.js';

if (parentPort) {
  parentPort.postMessage(await share(workerData as Share));
} else {
  const asked = JSON.parse(process.env['LOGBRAID_SHARE'] ?? '') as Share;
  process.send?.(await share(asked), () => {
    process.disconnect();
  });
}
