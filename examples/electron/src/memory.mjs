// How much a window may keep, and how much less after its renderer has run out of memory.

/** What a window begins with: MiB that its engine holds, and results that its page keeps. */
export const FIRST = { maxMemoryMB: 50, kept: 20_000 };

/** Reasons of `render-process-gone` that are about memory. */
const MEMORY = ['oom', 'memory-eviction'];

/** What is left after the smallest limits: nothing that helps. */
const LEAST = { maxMemoryMB: 6, kept: 2_000 };

/**
 * The limits with which a window whose renderer has ended is to go on: half of those it had, where that ended for
 * want of memory. None, where it would end again.
 */
export function limitsAfter(reason, { maxMemoryMB, kept }) {
  if (reason === 'clean-exit') return undefined;
  if (!MEMORY.includes(reason)) return { maxMemoryMB, kept };
  if (maxMemoryMB / 2 < LEAST.maxMemoryMB) return undefined;
  return { maxMemoryMB: maxMemoryMB / 2, kept: Math.max(kept / 2, LEAST.kept) };
}
