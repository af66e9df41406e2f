// A client of the tail of Loki that keeps what it gets.
import { once } from 'node:events';
import { WebSocket } from 'ws';

import type { Labels } from './logql.js';
import type { LokiServer } from './loki-server.js';
import { TAIL } from './loki-server.js';

export type Parameters = Record<string, string | number | bigint>;

export function search(parameters: Parameters): string {
  const texts = Object.entries(parameters).map(([name, value]) => [name, String(value)]);
  return new URLSearchParams(texts).toString();
}

export interface Frame {
  streams: { stream: Labels; values: [string, string, unknown?][] }[];
  dropped_entries?: { timestamp: string; labels: Labels }[];
  encodingFlags?: string[];
}

export class TailClient {
  readonly ws: WebSocket;
  readonly texts: string[] = [];
  error: Error | undefined;
  readonly closed: Promise<[code: number, reason: string]>;

  constructor(server: LokiServer, parameters: Parameters, headers: Record<string, string> = {}) {
    const url = `${server.url.replace('http', 'ws')}${TAIL}?${search(parameters)}`;
    this.ws = new WebSocket(url, { headers });
    this.ws.on('message', (data: Buffer) => this.texts.push(data.toString()));
    this.ws.on('error', (error) => (this.error = error));
    this.closed = new Promise((resolve) => {
      this.ws.on('close', (code, reason) => {
        resolve([code, reason.toString()]);
      });
    });
  }

  get frames(): Frame[] {
    return this.texts.map((text) => JSON.parse(text) as Frame);
  }

  get lines(): string[] {
    return this.frames.flatMap(({ streams }) =>
      streams.flatMap(({ values }) => values.map(([, line]) => line)),
    );
  }

  async received(frames: number): Promise<void> {
    while (this.texts.length < frames) await once(this.ws, 'message');
  }
}

/** A client whose tail is open. */
export async function tailing(
  server: LokiServer,
  parameters: Parameters = {},
  headers: Record<string, string> = {},
): Promise<TailClient> {
  const opened = server.nextTail();
  const client = new TailClient(server, { query: '{a="b"}', ...parameters }, headers);
  await opened;
  return client;
}

/** What an upgrade was refused with. */
export function refusal(
  server: LokiServer,
  parameters: Parameters,
  headers: Record<string, string> = {},
) {
  const ws = new WebSocket(`${server.url}${TAIL}?${search(parameters)}`, { headers });
  ws.on('error', () => undefined);
  return new Promise<[status: number | undefined, body: string]>((resolve) => {
    ws.on('unexpected-response', (_request, response) => {
      let body = '';
      response.on('data', (data: Buffer) => (body += data.toString()));
      response.on('end', () => {
        resolve([response.statusCode, body]);
      });
    });
  });
}
