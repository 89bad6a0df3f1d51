import { createHash, timingSafeEqual } from 'node:crypto';
import { BlockList, isIP } from 'node:net';
import type { OptionValues } from '../../../graph/index.ts';
import type { Peer } from '../../../rpc/index.ts';
import type { options } from './options.ts';

/** What a client says of itself in SETVOLUME, and what its connection says of it. */
export interface Credentials {
  readonly subvolume: string;
  readonly username?: string;
  readonly password?: string;
  /** Directory that shall be its root; `/` for none. */
  readonly subdirectory: string;
  readonly peer: Peer;
}

type Verdict = 'accept' | 'reject' | 'indifferent';
type Rules = OptionValues<typeof options>;

/** A shell pattern, as fnmatch(3) without flags reads it: `*` and `?` match slashes and dots too. */
function fits(pattern: string, text: string): boolean {
  let source = '';
  for (let at = 0; at < pattern.length; at++) {
    const char = pattern[at]!;
    const set = char === '[' ? /^\[([!^]?)(\]?[^\]]*)\]/.exec(pattern.slice(at)) : null;
    if (set !== null) {
      source += `[${set[1] === '' ? '' : '^'}${set[2]!.replace(/[\\\]^]/g, '\\$&')}]`;
      at += set[0].length - 1;
    } else if (char === '*') source += '.*';
    else if (char === '?') source += '.';
    else source += char.replace(/[.+^${}()|[\]\\/-]/g, '\\$&');
  }
  return new RegExp(`^${source}$`, 's').test(text);
}

function inNetwork(network: string, host: string): boolean {
  const [address, prefix] = network.split('/') as [string, string];
  const family = isIP(address);
  const bits = Number(prefix);
  if (family === 0 || family !== isIP(host) || !/^\d+$/.test(prefix) || bits > (family === 4 ? 32 : 128))
    return false;
  const list = new BlockList();
  const kind = family === 4 ? 'ipv4' : 'ipv6';
  list.addSubnet(address, bits, kind);
  return list.check(host, kind);
}

const HOST_NAME = /^(?=.*[a-z])[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/i;

/**
 * Whether one of several patterns is the peer's. A `!` turns its own pattern and all behind it round, as GlusterFS has it.
 * Names of hosts are looked up by nobody here: they fit a peer whose address is written the same.
 */
function anyFits(patterns: readonly string[], host: string): boolean {
  let negated = false;
  for (const given of patterns) {
    const pattern = given.startsWith('!') ? given.slice(1) : given;
    negated ||= given.startsWith('!');
    if (isIP(pattern) !== 0 || HOST_NAME.test(pattern)) {
      if (sameHost(pattern, host)) return true;
      continue;
    }
    const match = pattern.includes('/') ? inNetwork(pattern, host) : fits(pattern, host);
    if (match !== negated) return true;
  }
  return false;
}

function sameHost(pattern: string, host: string): boolean {
  if (pattern.toLowerCase() === 'localhost') return host === '::1' || host.startsWith('127.');
  return pattern.toLowerCase() === host.toLowerCase();
}

/** `a,b` for everybody, or entries of the form `/directory(a|b)`, of which only that of the mounted directory counts. */
function lists(value: string, subdirectory: string, host: string): boolean {
  if (!value.startsWith('/') && !value.includes('(')) return anyFits(words(value, /,/), host);
  for (const entry of words(value, /,/)) {
    const parts = /^(\/[^(]*)\(([^)]*)\)?$/.exec(entry);
    // What can't be read ends the list, as a limit that was meant to be there must not be passed over.
    if (parts === null) return false;
    if (parts[1] === subdirectory && anyFits(words(parts[2]!, /\|/), host)) return true;
  }
  return false;
}

function words(text: string, separator: RegExp): string[] {
  return text
    .split(separator)
    .map((word) => word.trim())
    .filter((word) => word !== '');
}

/** auth/addr */
function byAddress(rules: Rules, { subvolume, subdirectory, peer }: Credentials): Verdict {
  const allow = rules['auth.addr.*.allow'].get(subvolume);
  const reject = rules['auth.addr.*.reject'].get(subvolume);
  if (reject !== undefined && lists(reject, subdirectory, peer.host)) return 'reject';
  return allow !== undefined && lists(allow, subdirectory, peer.host) ? 'accept' : 'indifferent';
}

function allowedUser(list: string | undefined, user: string): boolean {
  return words(list ?? '', /[ ,]/).some((pattern) => fits(pattern, user));
}

/** Compared in a time that tells nothing of where they differ. A user without a password has none that fits. */
function isPassword(rules: Rules, username: string, given: string): boolean {
  const password = rules['auth.login.*.password'].get(username);
  if (password === undefined || password === '') return false;
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(password), digest(given));
}

/** auth/login: by the certificate where there is one, by user and password otherwise. */
function byLogin(rules: Rules, { subvolume, username, password, peer }: Credentials): Verdict {
  if (peer.commonName !== undefined) {
    const list = rules['auth.login.*.ssl-allow'].get(subvolume);
    if (list === undefined) return 'indifferent';
    return allowedUser(list, peer.commonName) ? 'accept' : 'reject';
  }
  const otherwise = rules['strict-auth-accept'] ? 'reject' : 'indifferent';
  if (username === undefined || password === undefined) return otherwise;
  const list = rules['auth.login.*.allow'].get(subvolume);
  if (list === undefined) return 'indifferent';
  // Whoever bears a name that is not on the list may be let in by address: as a stranger, who is squashed as one.
  if (!allowedUser(list, username)) return otherwise;
  return isPassword(rules, username, password) ? 'accept' : 'reject';
}

/** Whether a client may attach: one of the two says yes, and none says no. */
export function authenticate(rules: Rules, credentials: Credentials): boolean {
  const verdicts = [byAddress(rules, credentials), byLogin(rules, credentials)];
  return verdicts.includes('accept') && !verdicts.includes('reject');
}

/** Whether the client proved to be of the trusted pool: user and password are the brick's own. */
export function isOfPool(rules: Rules, { subvolume, username, password }: Credentials): boolean {
  if (username === undefined || password === undefined) return false;
  const list = rules['auth.login.*.allow'].get(subvolume);
  return allowedUser(list, username) && isPassword(rules, username, password);
}
