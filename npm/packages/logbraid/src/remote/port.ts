/** One end of a way for messages, such as a `MessagePort`, a `Worker`, or the global object within one. */
export interface Port<Sent, Received> {
  /** What is transferred is not copied, and gone at this end. */
  send(message: Sent, transferred?: ArrayBuffer[]): void;
  /** Hears what comes, from now on. */
  listen(receive: (message: Received) => void): void;
}

/** What has `postMessage` and events, in browsers and in Node. */
export interface Endpoint {
  postMessage(message: unknown, transferred: ArrayBuffer[]): void;
  addEventListener(type: string, listener: (event: Event) => void): void;
  start?(): void;
}

/** The way that an endpoint of the platform is. */
export function portOf<Sent, Received>(endpoint: Endpoint): Port<Sent, Received> {
  return {
    send(message, transferred = []) {
      endpoint.postMessage(message, transferred);
    },
    listen(receive) {
      endpoint.addEventListener('message', (event) => {
        receive((event as MessageEvent).data as Received);
      });
      endpoint.start?.();
    },
  };
}
