import { BackendUnavailableError, load } from 'logbraid';

/**
 * Longest document that is looked at as it is typed, in UTF-16 units: a query has 64 KiB at most, and no
 * text has fewer bytes than units. What is longer was pasted by mistake, or to harm.
 */
export const MAX_LENGTH = 64 << 10;

/** Whether the engine answers: in a browser it has to be loaded first. */
export function answers(ask: () => unknown): boolean {
  try {
    ask();
    return true;
  } catch (error) {
    if (error instanceof BackendUnavailableError) return false;
    throw error;
  }
}

/** Whether the engine could be loaded, if it was not; who shows the query tells why not. */
export function isLoaded(): Promise<boolean> {
  return load().then(
    () => true,
    () => false,
  );
}
