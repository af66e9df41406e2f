/** A SOCKS proxy, as the adapters of log-correlator take it. */
export interface ProxyOptions {
  host: string;
  port: number;
  username?: string;
  password?: string;
  /** Of SOCKS. Default 5. */
  type?: 4 | 5;
}

/** The same as a URL. */
export function proxyUrl({ host, port, username, password, type = 5 }: ProxyOptions): string {
  const url = new URL(`socks${type}://${host}:${port}`);
  if (username !== undefined) url.username = username;
  if (password !== undefined) url.password = password;
  return url.href;
}
