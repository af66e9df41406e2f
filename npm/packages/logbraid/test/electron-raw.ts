// What a hostile window sends: messages, as it likes.
import type { MessagePort } from 'node:worker_threads';

import type { Reply } from '#dist/remote/messages.js';

export const START = { type: 'start', options: {}, wasm: undefined };
export const STREAM = { bounded: true, selects: false, decoder: undefined, clockSkew: undefined };

/** What a hostile window has: a port, and no engine behind it. */
export class RawWindow {
  readonly port: MessagePort;
  readonly replies: Reply[] = [];
  #heard: () => void = () => undefined;

  constructor(port: MessagePort) {
    this.port = port;
    port.on('message', (reply: Reply) => {
      this.replies.push(reply);
      this.#heard();
    });
  }

  send(...messages: unknown[]): void {
    for (const message of messages) this.port.postMessage(message);
  }

  /** The first answer of a type, when it comes. */
  async reply<T extends Reply['type']>(type: T): Promise<Extract<Reply, { type: T }>> {
    for (;;) {
      const found = this.replies.find((reply) => reply.type === type);
      if (found) return found as Extract<Reply, { type: T }>;
      await new Promise<void>((resolve) => (this.#heard = resolve));
    }
  }
}
