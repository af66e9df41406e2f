import type { Agent as HttpAgent } from 'node:http';

import type { Dispatcher } from 'undici';
import type { SocksProxy } from 'socks';
import type { Transport, TransportOptions } from '../adapters/transport.js';
import { OptionError } from '../errors.js';
import { credentialsOf, redactUrl } from '../adapters/redact.js';

/** What Node has: `fetch` of undici and WebSockets of ws, both through a proxy where there is one. */
export function openTransport({ proxy, ca }: TransportOptions): Transport {
  const via = proxy === undefined ? undefined : proxyUrl(proxy);
  const tls = ca === undefined ? {} : { ca: typeof ca === 'string' ? ca : [...ca] };
  // Loaded when something is read from a server: whoever reads files does not pay for it.
  const http = later(async () => {
    const undici = await import('undici');
    return { fetch: undici.fetch, dispatcher: await dispatcherOf(undici, via, tls) };
  });
  const agent = later(() => agentOf(via));
  return {
    async fetch(url, { method, headers, body, signal }) {
      const { fetch, dispatcher } = await http.get();
      const request = { method, headers, signal, dispatcher, ...(body !== undefined && { body }) };
      const response = await fetch(url, request);
      // The types of undici and of browsers do not know each other.
      const stream = response.body as unknown as ReadableStream<Uint8Array> | null;
      const { ok, status, statusText, headers: answered } = response;
      return { ok, status, statusText, headers: answered, body: stream };
    },
    async connect(url, request) {
      const { connect } = await import('./node-socket.js');
      return connect(url, { ...request, ...tls, agent: await agent.get() });
    },
    async close() {
      const [made, socketAgent] = await Promise.all([http.made, agent.made]);
      socketAgent?.destroy();
      await made?.dispatcher.destroy();
    },
  };
}

/** What is made when it is first needed. */
function later<T>(make: () => Promise<T>): { get: () => Promise<T>; readonly made?: Promise<T> } {
  const held: { get: () => Promise<T>; made?: Promise<T> } = { get: () => (held.made ??= make()) };
  return held;
}

/** Adapters have times of their own. */
const UNTIMED = { headersTimeout: 0, bodyTimeout: 0 };

async function dispatcherOf(
  { Agent, ProxyAgent }: typeof import('undici'),
  via: URL | undefined,
  tls: { ca?: string | string[] },
): Promise<Dispatcher> {
  if (!via) return new Agent({ connect: tls, ...UNTIMED });
  if (isHttp(via)) {
    return new ProxyAgent({ uri: via.href, requestTls: tls, proxyTls: tls, ...UNTIMED });
  }
  const { socksDispatcher } = await import('fetch-socks');
  return socksDispatcher(socksOf(via), { connect: tls, ...UNTIMED });
}

async function agentOf(via: URL | undefined): Promise<HttpAgent | undefined> {
  if (!via) return undefined;
  if (isHttp(via)) return new (await import('https-proxy-agent')).HttpsProxyAgent(via);
  return new (await import('socks-proxy-agent')).SocksProxyAgent(via);
}

function isHttp({ protocol }: URL): boolean {
  return protocol === 'http:' || protocol === 'https:';
}

/** The proxy of an option. Throws an `OptionError` that does not show its password. */
function proxyUrl(proxy: string | URL): URL {
  const url = URL.canParse(String(proxy)) ? new URL(proxy) : undefined;
  if (!url || url.hostname === '' || !(isHttp(url) || SOCKS.test(url.protocol))) {
    throw new OptionError(
      'proxy must be a URL such as http://proxy:3128, socks5://user:password@proxy:1080 or socks4://proxy:1080, ' +
        `not ${redactUrl(proxy)}`,
      { details: { option: 'proxy' } },
    );
  }
  // What the packages of proxies would find when something is read.
  credentialsOf('proxy', url);
  return url;
}

const SOCKS = /^socks(4|4a|5|5h)?:$/;

function socksOf(url: URL): SocksProxy {
  const { protocol, hostname, port } = url;
  const { username, password } = credentialsOf('proxy', url);
  return {
    type: protocol.startsWith('socks4') ? 4 : 5,
    host: hostname.replace(/^\[(.*)\]$/, '$1'),
    port: Number(port || 1080),
    ...(username && { userId: username }),
    ...(password && { password }),
  };
}
