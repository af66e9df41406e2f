// Tests that hold on the thread of JavaScript and on threads of the query alike.
import { test as once } from 'node:test';
import type { TestOptions } from 'node:test';

import { CorrelationEngine as Engine } from 'logbraid';
import type { EngineOptions } from 'logbraid';

/** On how many threads the queries of the test run that is running. */
let threads = 1;

/** An engine whose queries run on one thread or on several, as the test that makes it. */
export class CorrelationEngine extends Engine {
  constructor(options: EngineOptions = {}) {
    // What is no object of options at all is for the engine to refuse.
    super(Object.getPrototypeOf(options) === Object.prototype ? { threads, ...options } : options);
  }
}

/** The same test on one thread and on two. Tests of a file run one after the other. */
export function test(
  name: string,
  body: () => void | Promise<void>,
  options: TestOptions = {},
): void {
  for (const number of [1, 2]) {
    void once(`${name} (threads: ${number})`, options, () => {
      threads = number;
      return body();
    });
  }
}
