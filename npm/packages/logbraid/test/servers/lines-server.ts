// Lines, and the same as Server-Sent Events, of which it remembers all.
import type { Answer, ReceivedRequest } from './misbehave.js';
import { MisbehavingServer } from './misbehave.js';

export class LinesServer extends MisbehavingServer {
  readonly #lines: string[] = [];
  #wake: () => void = () => undefined;
  #more = new Promise<void>((resolve) => (this.#wake = resolve));

  static async start(): Promise<LinesServer> {
    return new LinesServer().listen();
  }

  push(...lines: string[]): void {
    this.#lines.push(...lines);
    this.#wake();
    this.#more = new Promise((resolve) => (this.#wake = resolve));
  }

  /**
   * `/lines` and `/events` are all there are, `/lines/live` those and all to come, `/live` is those after the last that a
   * client names, and all to come.
   */
  protected override respond({ path, headers }: ReceivedRequest): Answer {
    if (path.startsWith('/lines')) {
      const type = { 'content-type': 'application/x-ndjson' };
      const answer: Answer = { status: 200, headers: type, body: this.#text(0) };
      if (path === '/lines') return answer;
      return { ...answer, rest: this.#later(this.#lines.length, (from) => this.#text(from)) };
    }
    const from = path === '/live' ? Number(headers['last-event-id'] ?? -1) + 1 : 0;
    const answer: Answer = {
      status: 200,
      headers: { 'content-type': 'text/event-stream' },
      body: this.#events(from),
    };
    return path === '/live'
      ? { ...answer, rest: this.#later(this.#lines.length, (next) => this.#events(next)) }
      : answer;
  }

  #text(from: number): string {
    return this.#lines
      .slice(from)
      .map((line) => `${line}\n`)
      .join('');
  }

  #events(from: number): string {
    const events = this.#lines.slice(from).map((line, at) => `id: ${from + at}\ndata: ${line}\n\n`);
    return events.join('');
  }

  async *#later(from: number, textOf: (from: number) => string): AsyncGenerator<string> {
    for (let next = from; ;) {
      const to = this.#lines.length;
      if (to === next) await this.#more;
      else yield textOf(next);
      next = to;
    }
  }
}
