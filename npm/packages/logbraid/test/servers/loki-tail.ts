// One open tail of the Loki of the tests: its frames, and how they can be spoiled.
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { WebSocket } from 'ws';

import type { Labels, LogQuery } from './logql.js';
import type { Entry } from './loki-store.js';
import { inOrder, passes, sorted } from './loki-store.js';
import type { Drip, ReceivedRequest } from './misbehave.js';

export interface TailSetup {
  request: ReceivedRequest;
  query: LogQuery;
  tenant: string;
  categorize: boolean;
  delayMs: number;
  pingMs: number;
}

interface Dropped {
  timestamp: string;
  labels: Labels;
}

const ENTRIES_PER_FRAME = 100;
const DROPPED_PER_FRAME = 1000;

export class Tail {
  readonly request: ReceivedRequest;
  readonly #ws: WebSocket;
  readonly #socket: Socket;
  readonly #setup: TailSetup;
  readonly #life = new AbortController();
  #drops = 0;
  #loses = 0;
  #dropped: Dropped[] = [];
  #holds = 0;
  #held: string[] = [];
  #drip: Drip | undefined;
  #dripping: Promise<void> = Promise.resolve();

  constructor(ws: WebSocket, socket: Socket, setup: TailSetup) {
    this.#ws = ws;
    this.#socket = socket;
    this.#setup = setup;
    this.request = setup.request;
    const pings = setInterval(() => {
      // A ping amid a frame that is written by hand would break it.
      if (!this.#drip) ws.ping();
    }, setup.pingMs);
    ws.on('error', () => undefined);
    ws.on('close', () => {
      clearInterval(pings);
      this.#life.abort();
    });
  }

  /** What was stored before the tail was opened. */
  history(entries: Entry[]): void {
    this.#send(entries, true);
  }

  /** What comes in while it is open. */
  async live(tenant: string, entries: Entry[]): Promise<void> {
    const { query, delayMs } = this.#setup;
    const wanted = entries.filter((entry) => query.selects(entry.labels) && passes(query, entry));
    if (tenant !== this.#setup.tenant || wanted.length === 0) return;
    if (delayMs > 0) await sleep(delayMs, undefined, { signal: this.#life.signal });
    this.#send(this.#kept(inOrder(wanted)), false);
  }

  /** Ends without a close frame. */
  cut(): void {
    this.#socket.destroy();
  }

  /** Sends half a frame and ends. */
  cutMidFrame(): void {
    const frame = textFrame('{"streams":[{"stream":{"a":"b"},"values":[["1","line"]]}]}');
    this.#socket.write(frame.subarray(0, frame.length >> 1), () => this.#socket.destroy());
  }

  /** Says goodbye, as Loki does where it will not go on (1011). */
  close(code: number, reason: string): void {
    this.#ws.close(code, reason);
  }

  /** A whole frame with this text. */
  sendText(text: string): void {
    this.#ws.send(text);
  }

  /** Bytes that are no frame. */
  sendGarbage(): void {
    this.#socket.write(Buffer.alloc(64, 0xff));
  }

  /** Keeps the next frames back until so many are there, then sends the last one first. */
  reorder(frames: number): void {
    this.#holds = frames;
  }

  /** Drops the next entries; the next frame says so. */
  dropEntries(entries: number): void {
    this.#drops += entries;
  }

  /** Drops the next entries and never says so. */
  loseSilently(entries: number): void {
    this.#loses += entries;
  }

  /** Sends the frames from here on piece by piece. */
  drip(drip: Drip): void {
    this.#drip = drip;
  }

  #kept(entries: Entry[]): Entry[] {
    const lost = entries.splice(0, this.#loses);
    this.#loses -= lost.length;
    const dropped = entries.splice(0, this.#drops);
    this.#drops -= dropped.length;
    const told = dropped.map(({ ns, labels }) => ({ timestamp: String(ns), labels }));
    this.#dropped = [...this.#dropped, ...told].slice(0, DROPPED_PER_FRAME);
    return entries;
  }

  #send(entries: Entry[], stored: boolean): void {
    const { categorize } = this.#setup;
    for (let at = 0; at < entries.length; at += ENTRIES_PER_FRAME) {
      const streams = entries.slice(at, at + ENTRIES_PER_FRAME).map((entry) => {
        const { ns, line, labels, metadata } = entry;
        const extra = categorize ? [{ structuredMetadata: metadata }] : [];
        const stream = !categorize && stored ? sorted({ ...labels, ...metadata }) : labels;
        return { stream, values: [[String(ns), line, ...extra]] };
      });
      const dropped = this.#dropped.length > 0 ? { dropped_entries: this.#dropped } : {};
      const flags = categorize ? { encodingFlags: ['categorize-labels'] } : {};
      this.#dropped = [];
      this.#frame(JSON.stringify({ streams, ...dropped, ...flags }));
    }
  }

  #frame(text: string): void {
    if (this.#holds > 0) {
      this.#held.unshift(text);
      this.#holds -= 1;
      if (this.#holds === 0) for (const held of this.#held.splice(0)) this.#write(held);
    } else {
      this.#write(text);
    }
  }

  #write(text: string): void {
    const drip = this.#drip;
    if (!drip) {
      this.#ws.send(text);
      return;
    }
    this.#dripping = this.#dripping
      .then(() => this.#writeSlowly(textFrame(text), drip))
      .catch(() => undefined);
  }

  async #writeSlowly(frame: Buffer, { bytes, everyMs }: Drip): Promise<void> {
    for (let at = 0; at < frame.length; at += bytes) {
      this.#socket.write(frame.subarray(at, at + bytes));
      await sleep(everyMs, undefined, { signal: this.#life.signal });
    }
  }
}

/** A text in one frame of a server (RFC 6455, 5.2). */
function textFrame(text: string): Buffer {
  const payload = Buffer.from(text);
  const header = Buffer.alloc(payload.length < 126 ? 2 : payload.length < 65_536 ? 4 : 10);
  header[0] = 0x81;
  if (header.length === 2) {
    header[1] = payload.length;
  } else if (header.length === 4) {
    header[1] = 126;
    header.writeUInt16BE(payload.length, 2);
  } else {
    header[1] = 127;
    header.writeBigUInt64BE(BigInt(payload.length), 2);
  }
  return Buffer.concat([header, payload]);
}
