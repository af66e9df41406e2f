/** One end of a way for messages, such as a `MessagePort`, a `Worker`, or the global object within one. */
export interface Port<Sent, Received> {
  send(message: Sent): void;
  /** Hears what comes, from now on. */
  listen(receive: (message: Received) => void): void;
}

/** What has `postMessage` and events, in browsers and in Node. */
export interface Endpoint {
  postMessage(message: unknown): void;
  addEventListener(type: string, listener: (event: Event) => void): void;
  start?(): void;
}

/** The way that an endpoint of the platform is. */
export function portOf<Sent, Received>(endpoint: Endpoint): Port<Sent, Received> {
  return {
    send(message) {
      endpoint.postMessage(message);
    },
    listen(receive) {
      endpoint.addEventListener('message', (event) => {
        receive((event as MessageEvent).data as Received);
      });
      endpoint.start?.();
    },
  };
}
