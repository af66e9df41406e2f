import type { Inspection } from 'logbraid';

/** What the page asks the Worker of the inspector for. */
export type InspectorRequest =
  | { type: 'start'; module: WebAssembly.Module }
  | { type: 'inspect'; id: number; file: File }
  | { type: 'cancel'; id: number };

/** What that answers. */
export type InspectorReply =
  | { type: 'read'; id: number; bytes: number }
  | { type: 'inspected'; id: number; inspection: Inspection }
  | { type: 'failed'; id: number; message: string };
