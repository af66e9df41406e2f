import type { Port } from '../remote/port.js';
import type { MainPort } from './interfaces.js';

/** The way that a `MessagePortMain` is: it transfers nothing but ports, and everything else is copied. */
export function portOfMain<Sent>(port: MainPort): Port<Sent, unknown> {
  return {
    send(message) {
      port.postMessage(message);
    },
    listen(receive) {
      port.on('message', ({ data, ports }) => {
        // Nobody is asked for ports.
        for (const one of ports) one.close();
        receive(data);
      });
      port.start();
    },
  };
}
