// Looks into files away from the page, and away from the engine, which may be busy.
import { inspect, load } from 'logbraid';

import type { InspectorReply, InspectorRequest } from './messages.js';

/** How often the page hears how much has been read, in milliseconds. */
const TELL_MS = 100;

const page = self as unknown as {
  postMessage: (reply: InspectorReply) => void;
  onmessage: ((event: MessageEvent<InspectorRequest>) => void) | null;
};

/** Ids of those that are being inspected. */
const wanted = new Set<number>();

page.onmessage = ({ data }) => {
  if (data.type === 'start') {
    void load(data.module);
  } else if (data.type === 'cancel') {
    wanted.delete(data.id);
  } else {
    void answer(data.id, data.file);
  }
};

async function answer(id: number, file: File): Promise<void> {
  wanted.add(id);
  try {
    const inspection = await inspect(blocks(id, file), { referenceTime: file.lastModified });
    if (wanted.has(id)) page.postMessage({ type: 'inspected', id, inspection });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    page.postMessage({ type: 'failed', id, message });
  }
  wanted.delete(id);
}

/** The bytes of a file, as long as they are wanted. */
async function* blocks(id: number, file: File): AsyncGenerator<Uint8Array> {
  const reader = file.stream().getReader();
  let bytes = 0;
  let told = performance.now();
  try {
    while (wanted.has(id)) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
      bytes += value.length;
      if (performance.now() - told < TELL_MS) continue;
      told = performance.now();
      page.postMessage({ type: 'read', id, bytes });
    }
  } finally {
    await reader.cancel();
  }
}
