import { OptionError } from '../errors.js';

/** What stands where a secret was. */
const HIDDEN = '***';

/** Names of parameters and headers whose values nobody should read. */
const SECRET = /auth|token|secret|passw|pwd|key|sig|session|cookie|credential|jwt|code/i;

/** Shorter ones would be found in ordinary words. */
const SHORTEST = 4;

/** How many errors behind an error are looked at. */
const DEPTH = 8;

/**
 * A URL as errors show it: without user and password, without fragment, and with `***` for the values of
 * parameters that look like secrets. Text that is no URL of a host is not shown at all.
 *
 * ```js
 * redactUrl('https://me:pw@logs.example/tail?query=a&access_token=t'); // https://logs.example/tail?query=a&access_token=***
 * ```
 */
export function redactUrl(given: string | URL): string {
  let url: URL;
  try {
    url = new URL(given);
  } catch {
    return '(no URL)';
  }
  // `me:pw@host` is one, too, of the scheme `me`.
  if (url.host === '') return '(no URL)';
  url.username = url.password = url.hash = '';
  // Not by `searchParams`, which would write anew what is no secret.
  const search = url.search.replace(
    /([?&])([^=&]*)=([^&]*)/g,
    (whole, mark: string, name: string) =>
      SECRET.test(decoded(name)) ? `${mark}${name}=${HIDDEN}` : whole,
  );
  url.search = '';
  return url.href + search;
}

/** The user and the password that a URL has. Throws an `OptionError` of the option, which shows neither. */
export function credentialsOf(
  option: string,
  { username, password }: URL,
): { username: string; password: string } {
  try {
    return { username: decodeURIComponent(username), password: decodeURIComponent(password) };
  } catch {
    // Not as a cause: its stack may tell them.
    const message = `${option} has a user or a password with a % that encodes nothing: a % itself is written %25`;
    throw new OptionError(message, { details: { option } });
  }
}

/**
 * What must not be seen of requests, so that it can be taken out of texts that come from elsewhere: messages
 * of the platform, and bodies of servers that tell what they were sent.
 */
export class Secrets {
  readonly #values = new Set<string>();

  /** Takes the user, the password and the secret parameters of a URL, and headers whose names say secret. */
  constructor(url?: string | URL, headers?: Iterable<readonly [string, string]>) {
    if (url !== undefined && URL.canParse(url)) {
      const { username, password, searchParams } = new URL(url);
      this.add(username);
      this.add(password);
      for (const [name, value] of searchParams) if (SECRET.test(name)) this.add(value);
    }
    for (const [name, value] of headers ?? []) {
      if (SECRET.test(name)) {
        this.add(value);
        // Without the scheme, too: `Bearer x`.
        this.add(value.replace(/^\S+\s+/, ''));
      }
    }
  }

  /** One more; also as a URL and as JSON write it. */
  add(value: string): void {
    if (value.length < SHORTEST) return;
    this.#values.add(value);
    this.#values.add(encodeURIComponent(value));
    this.#values.add(decoded(value));
    this.#values.add(JSON.stringify(value).slice(1, -1));
  }

  /** A text with `***` for each of them. */
  hide(text: string): string {
    let shown = text;
    // The longest first: one may be part of another.
    for (const value of [...this.#values].sort((a, b) => b.length - a.length)) {
      shown = shown.replaceAll(value, HIDDEN);
    }
    return shown;
  }

  /**
   * Why something failed, in a line: `fetch failed: connect ECONNREFUSED 127.0.0.1:80`. Platforms say what it
   * was in the errors behind the error.
   */
  reason(error: unknown): string {
    const told: string[] = [];
    for (const behind of chain(error)) {
      const text = textOf(behind);
      if (text !== '' && !told.includes(text)) told.push(text);
    }
    return this.hide(told.join(': ')) || 'no reason given';
  }

  /**
   * An error to be told as a cause: what it says, and those behind it say. Not the error itself, which may carry
   * all that was asked for, and sockets.
   */
  cause(error: unknown): Error | undefined {
    let told: Error | undefined;
    for (const behind of chain(error).reverse()) {
      const options = told && { cause: told };
      told = new Error(this.hide(textOf(behind)), options);
      if (!(behind instanceof Error)) continue;
      told.name = behind.name;
      told.stack = this.hide(behind.stack ?? '');
      if ('code' in behind) Object.assign(told, { code: behind.code });
    }
    return told;
  }
}

/** An error and those behind it. */
function chain(error: unknown): unknown[] {
  const found: unknown[] = [];
  for (let next = error; next !== undefined && found.length < DEPTH;) {
    found.push(next);
    next = next instanceof Error ? next.cause : undefined;
  }
  return found;
}

/** One that sums up several has no message of its own, but a code. */
function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code: unknown = 'code' in error ? error.code : '';
  return error.message || (typeof code === 'string' ? code : '');
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The header of Basic authentication, in UTF-8. */
export function basicAuth(user: string, password: string): string {
  const bytes = new TextEncoder().encode(`${user}:${password}`);
  return `Basic ${btoa(String.fromCharCode(...bytes))}`;
}
