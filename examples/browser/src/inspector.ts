import type { Inspection } from 'logbraid';

import type { InspectorReply, InspectorRequest } from './messages.js';

interface Task {
  read: (bytes: number) => void;
  resolve: (inspection: Inspection) => void;
  reject: (error: Error) => void;
}

/** Looks into files in a Worker of its own. */
export class Inspector {
  readonly #worker: Worker;
  readonly #tasks = new Map<number, Task>();
  #last = 0;

  constructor(module: WebAssembly.Module) {
    this.#worker = new Worker(new URL('./inspector-worker.js', import.meta.url), {
      type: 'module',
    });
    this.#worker.onmessage = ({ data }: MessageEvent<InspectorReply>) => {
      this.#take(data);
    };
    this.#worker.onerror = ({ message }) => {
      const why = new Error(message || 'the inspector cannot be started');
      for (const { reject } of this.#tasks.values()) reject(why);
      this.#tasks.clear();
    };
    this.#ask({ type: 'start', module });
  }

  /** What is in a file; `read` is told now and then how much of it has been read. */
  inspect(
    file: File,
    read: (bytes: number) => void = () => undefined,
    signal?: AbortSignal,
  ): Promise<Inspection> {
    const id = ++this.#last;
    signal?.addEventListener('abort', () => {
      this.#tasks.delete(id);
      this.#ask({ type: 'cancel', id });
    });
    return new Promise((resolve, reject) => {
      this.#tasks.set(id, { read, resolve, reject });
      this.#ask({ type: 'inspect', id, file });
    });
  }

  #ask(request: InspectorRequest): void {
    this.#worker.postMessage(request);
  }

  #take(reply: InspectorReply): void {
    const task = this.#tasks.get(reply.id);
    if (reply.type === 'read') {
      task?.read(reply.bytes);
      return;
    }
    this.#tasks.delete(reply.id);
    if (reply.type === 'inspected') task?.resolve(reply.inspection);
    else task?.reject(new Error(reply.message));
  }
}
