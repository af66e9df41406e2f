// What a program has of Electron in its main process and in the process of its engine, made of what Node has.
import { MessageChannel } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';

import type { MainMessage, MainPort, WindowInfo, WindowServer } from 'logbraid/electron/main';

/** A `MessagePortMain`: emits as Node does, and transfers nothing but its like. */
export class NodePort implements MainPort {
  readonly #port: MessagePort;
  #isStarted = false;

  constructor(port: MessagePort) {
    this.#port = port;
  }

  postMessage(message: unknown, transfer: MainPort[] = []): void {
    const ports = transfer.map((one) => {
      if (!(one instanceof NodePort)) throw new TypeError('Invalid value for transfer');
      return one.#port;
    });
    this.#port.postMessage(message, ports);
  }

  on(event: 'message', listener: (event: MainMessage) => void): this;
  on(event: 'close', listener: () => void): this;
  on(event: 'message' | 'close', listener: (event: MainMessage) => void): this {
    this.#port.addEventListener(event, (happened) => {
      const { data, ports = [] } = happened as unknown as { data: unknown; ports?: MessagePort[] };
      listener({ data, ports: ports.map((port) => new NodePort(port)) });
    });
    return this;
  }

  start(): void {
    this.#isStarted = true;
    this.#port.start();
  }

  close(): void {
    this.#port.close();
  }

  /** Whether messages have been let through. */
  get isStarted(): boolean {
    return this.#isStarted;
  }
}

/** The class `MessageChannelMain`. */
export class NodeChannel {
  readonly port1: NodePort;
  readonly port2: NodePort;

  constructor() {
    const { port1, port2 } = new MessageChannel();
    this.port1 = new NodePort(port1);
    this.port2 = new NodePort(port2);
  }
}

let frames = 0;

/** A window of a server: what its page has of the port. */
export function openWindow(server: WindowServer, info: Partial<WindowInfo> = {}): MessagePort {
  const { port1, port2 } = new MessageChannel();
  frames += 1;
  server.connect(new NodePort(port1), {
    frame: frames,
    webContents: frames,
    url: 'app://page/',
    maxMemoryMB: undefined,
    data: undefined,
    ...info,
  });
  return port2;
}
