// The process of the engines. What a window may query is said here, and nowhere else.
import { fileURLToPath } from 'node:url';

import { FileAdapter } from 'logbraid/file';
import { serveWindows } from 'logbraid/electron/main';

const log = (name) => fileURLToPath(new URL(`../../shop/${name}`, import.meta.url));

serveWindows({
  parentPort: process.parentPort,
  sources: () => ({
    edge: new FileAdapter(log('nginx-access.ndjson'), { time: 'msec' }),
    app: new FileAdapter(log('app.ndjson')),
    postgresql: new FileAdapter(log('postgresql.log')),
  }),
  onFailure: ({ url }, { code, message }) => console.error(`${url}: ${code}: ${message}`),
  onShed: ({ heldMB }) => console.error(`memory is low: windows held ${heldMB.toFixed(0)} MiB`),
});
