// How much a window may keep, how much less after its renderer has run out of memory, and how often it goes on.

/**
 * What a window begins with: MiB that its engine holds, results that its page keeps, and how many times it is shown
 * again after its renderer has ended for another reason than memory. A page that crashes when it is shown would not end.
 */
export const FIRST = { maxMemoryMB: 50, kept: 20_000, restarts: 5 };

/** Reasons of `render-process-gone` that are about memory. */
const MEMORY = ['oom', 'memory-eviction'];

/** What is left after the smallest limits: nothing that helps. */
const LEAST = { maxMemoryMB: 6, kept: 2_000 };

/**
 * The limits with which a window whose renderer has ended is to go on: half of those it had, where that ended for
 * want of memory. None, where it would end again.
 */
export function limitsAfter(reason, { maxMemoryMB, kept, restarts }) {
  if (reason === 'clean-exit') return undefined;
  if (!MEMORY.includes(reason)) {
    return restarts > 0 ? { maxMemoryMB, kept, restarts: restarts - 1 } : undefined;
  }
  if (maxMemoryMB / 2 < LEAST.maxMemoryMB) return undefined;
  return { maxMemoryMB: maxMemoryMB / 2, kept: Math.max(kept / 2, LEAST.kept), restarts };
}
