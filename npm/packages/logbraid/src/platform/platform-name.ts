import { MUSL, familySync } from 'detect-libc';

/**
 * What @napi-rs/cli calls this machine, as the name of a package with an addon ends: `linux-x64-gnu`. There need
 * be no such package.
 */
export function platformName(): string {
  return `${process.platform}-${process.arch}${abi()}`;
}

function abi(): string {
  if (process.platform === 'win32') return '-msvc';
  if (process.platform !== 'linux') return '';
  // Deno needs glibc itself, and asks its user before it lets anyone look.
  const musl = process.versions['deno'] === undefined && familySync() === MUSL;
  return musl ? '-musl' : '-gnu';
}
