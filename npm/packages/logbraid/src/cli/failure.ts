/** What the command ends with. */
export const EXIT = { found: 0, nothing: 1, usage: 2, source: 3, interrupted: 130 } as const;

/** A mistake of the person at the keyboard, told in a sentence. */
export class UsageError extends Error {}

/** The output cannot be written. */
export class OutputError extends Error {}
