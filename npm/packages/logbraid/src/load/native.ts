import type { Backend } from '../backend.js';
import { BackendUnavailableError } from '../errors.js';
import loadAddon from './addon.cjs';

let backend: Backend | undefined;

/** The native addon, loaded at the first use. */
export function loadBackend(): Backend {
  if (!backend) {
    try {
      backend = loadAddon() as Backend;
    } catch (cause) {
      const system = `${process.platform}-${process.arch}`;
      throw new BackendUnavailableError(
        `the native addon of logbraid cannot be loaded on ${system}; ` +
          'in a clone of the repository, build it with: cargo xtask build',
        { cause, details: { platform: process.platform, arch: process.arch } },
      );
    }
  }
  return backend;
}
