// Reads a socket by the byte, for protocols that say how much comes next.
import type { Socket } from 'node:net';

export class SocketReader {
  readonly #socket: Socket;
  #rest: Buffer = Buffer.alloc(0);

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.pause();
  }

  async byte(): Promise<number> {
    return (await this.bytes(1)).readUInt8();
  }

  async bytes(count: number): Promise<Buffer> {
    while (this.#rest.length < count) await this.#more();
    return this.#take(count);
  }

  /** Up to a zero, which is taken, too. */
  async untilZero(): Promise<Buffer> {
    while (!this.#rest.includes(0)) await this.#more();
    return this.#take(this.#rest.indexOf(0) + 1).subarray(0, -1);
  }

  /** What was read too far. */
  release(): Buffer {
    return this.#take(this.#rest.length);
  }

  #take(count: number): Buffer {
    const taken = this.#rest.subarray(0, count);
    this.#rest = this.#rest.subarray(count);
    return taken;
  }

  async #more(): Promise<void> {
    const chunk = this.#socket.read() as Buffer | null;
    if (chunk) {
      this.#rest = Buffer.concat([this.#rest, chunk]);
      return;
    }
    if (this.#socket.readableEnded) throw new Error('the connection ended');
    await new Promise<void>((resolve, reject) => {
      const settle = () => {
        this.#socket.off('readable', settle);
        this.#socket.off('end', settle);
        this.#socket.off('close', settle);
        if (this.#socket.destroyed) reject(new Error('the connection was closed'));
        else resolve();
      };
      this.#socket.on('readable', settle);
      this.#socket.on('end', settle);
      this.#socket.on('close', settle);
    });
  }
}
