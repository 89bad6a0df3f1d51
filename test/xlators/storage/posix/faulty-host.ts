/*
 * The host's calls as a process sees them that dies, or whose disk fails, at one of them. Test files wrap node:fs and the
 * addon's calls by it (vi.mock) before the brick is imported.
 */

/** What happens at the call that is meant: the process ends, or the call fails and what follows works again. */
export type Fault = 'crash' | 'error';

type Call = (...given: unknown[]) => unknown;

const CREATES = 0o100;
const TRUNCATES = 0o1000;

const changing: ReadonlySet<string> = new Set([
  ...['link', 'unlink', 'rename', 'mkdir', 'rmdir', 'symlink', 'write', 'writeFile', 'rm', 'ftruncate'],
  ...['chmod', 'fchmod', 'chown', 'lchown', 'fchown', 'utimes', 'futimes', 'lutimes'],
  ...['setxattr', 'removexattr', 'mknod', 'utimens', 'linkDescriptor'],
]);

function changes(name: string, given: readonly unknown[]): boolean {
  if (name !== 'open') return changing.has(name);
  const flags = given[1] ?? 0;
  return typeof flags === 'number' ? (flags & (CREATES | TRUNCATES)) !== 0 : flags !== 'r';
}

let armed: { fault: Fault; left: number; crashed: boolean; seen: string[] } | undefined;

/** From now on the `nth` call that changes something is the last one, or fails. */
export function arm(fault: Fault, nth: number): void {
  armed = { fault, left: nth, crashed: false, seen: [] };
}

/** All works again. Returns the calls that changed something, and whether the fault was met. */
export function disarm(): { met: boolean; seen: string[] } {
  const { left, seen } = armed!;
  armed = undefined;
  return { met: left <= 0, seen };
}

function failure(name: string): Error {
  const dead = armed!.fault === 'crash';
  const said = dead ? 'the process is dead' : 'EIO: i/o error';
  return Object.assign(new Error(`${said}, ${name}`), { errno: -5, code: 'EIO', syscall: name });
}

/** A write that breaks off has written something. */
function tear(name: string, call: Call, given: readonly unknown[]): void {
  if (name !== 'write') return;
  const [descriptor, bytes, from, length, position] = given as [number, Uint8Array, number, number, number];
  call(descriptor, bytes, from, Math.floor(length / 2), position);
}

function run(name: string, call: Call, given: unknown[]): unknown {
  if (armed === undefined || name === 'close') return call(...given);
  if (armed.crashed) throw failure(name);
  if (!changes(name, given)) return call(...given);
  armed.seen.push(name);
  if (--armed.left !== 0) return call(...given);
  tear(name, call, given);
  armed.crashed = armed.fault === 'crash';
  throw failure(name);
}

/** node:fs with its synchronous calls wrapped. */
export function faultyFs<T extends object>(fs: T): T {
  return wrapped(fs, (name) => (name.endsWith('Sync') ? name.slice(0, -4) : undefined));
}

/** The addon's calls, those that return promises left alone. */
export function faultySyscalls<T extends object>(host: T): T {
  return wrapped(host, (name) => (['fallocate', 'copyFileRange'].includes(name) ? undefined : name));
}

function wrapped<T extends object>(calls: T, nameOf: (name: string) => string | undefined): T {
  const copy: Record<string, unknown> = Object.fromEntries(Object.entries(calls));
  for (const [key, call] of Object.entries(calls)) {
    const name = nameOf(key);
    if (name !== undefined && typeof call === 'function')
      copy[key] = (...given: unknown[]) => run(name, call.bind(calls) as Call, given);
  }
  return copy as unknown as T;
}
