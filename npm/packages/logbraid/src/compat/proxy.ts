import { OptionError } from '../errors.js';

/** A SOCKS proxy, as the adapters of log-correlator take it. */
export interface ProxyOptions {
  host: string;
  port: number;
  username?: string;
  password?: string;
  /** Of SOCKS. Default 5. */
  type?: 4 | 5;
}

/** The same as a URL. Throws an `OptionError` that does not show its password. */
export function proxyUrl({ host, port, username, password, type = 5 }: ProxyOptions): string {
  const origin = `socks${type}://${host}:${port}`;
  const url = URL.canParse(origin) ? new URL(origin) : undefined;
  // What follows a `/` in the host is no port.
  if (!url?.port) {
    throw new OptionError('proxy must have a host and a port, such as proxy.example and 1080', {
      details: { option: 'proxy' },
    });
  }
  // A URL takes a % in them for one that encodes.
  if (username !== undefined) url.username = encodeURIComponent(username);
  if (password !== undefined) url.password = encodeURIComponent(password);
  return url.href;
}
