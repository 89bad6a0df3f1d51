import { constants } from 'node:fs';
import { expect } from 'vitest';
import { waitUntil } from '../helpers/wait.ts';
import type { Capability, OpenDirectory, OpenFile, Path, Subject } from './subject.ts';

/** What a case has to work with. */
export interface Trial {
  /** An empty directory of the case's own, as root sees it. */
  readonly fs: Subject;
  /** Returns when the subject's clock has moved, so that later changes bear later times. */
  tick(): Promise<void>;
  /** How many entries a large directory has: 5,000, fewer on stacks where the full size has nothing more to show. */
  readonly entries: number;
  /** How many directories a deep path has: 100, or fewer. */
  readonly levels: number;
  /** How many of something that only its number makes dear: as many as said, or a quarter of that. */
  some(count: number): number;
}

export type Run = (trial: Trial) => Promise<void>;

/** One thing that POSIX says of a file system, with exact results. */
export interface Case {
  /** `group: what is so`, unique. */
  readonly name: string;
  readonly needs: readonly Capability[];
  readonly run: Run;
}

type Entry = Run | { readonly needs: readonly Capability[]; readonly run: Run };

/** The cases of one group: what is so → how it shows. `needs` are those of all cases of the group. */
export function group(
  name: string,
  entries: Readonly<Record<string, Entry>>,
  needs: readonly Capability[] = [],
): readonly Case[] {
  return Object.entries(entries).map(([what, entry]) => {
    const own = typeof entry === 'function' ? [] : entry.needs;
    const run = typeof entry === 'function' ? entry : entry.run;
    return { name: `${name}: ${what}`, needs: [...needs, ...own], run };
  });
}

/** A case that not every subject can show. */
export function needing(needs: Capability | readonly Capability[], run: Run): Entry {
  return { needs: typeof needs === 'string' ? [needs] : needs, run };
}

export const { O_RDONLY, O_WRONLY, O_RDWR, O_CREAT, O_EXCL, O_TRUNC, O_APPEND } = constants;
export const { O_DIRECTORY, O_NOFOLLOW, O_SYNC } = constants;

/** Who is not root. Alice is in the group of friends as well. */
export const friends = 3000;
export const alice = { uid: 2001, gid: 2001, groups: [friends] };
export const bob = { uid: 2002, gid: 2002, groups: [] };

/** Fails unless the call is refused with that errno. */
export async function fails(code: string, work: Promise<unknown>): Promise<void> {
  expect(await outcomeOf(work)).toBe(code);
}

/** The errno of a refusal, or `success`. */
export async function outcomeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'success';
  } catch (error) {
    const { code } = error as { code?: string };
    // Whatever else went wrong is no refusal.
    if (code === undefined) throw error;
    // Two names of one number on Linux; node knows the other.
    return code === 'ENOTSUP' ? 'EOPNOTSUPP' : code;
  }
}

/** Opens, uses and closes. */
export async function using<T>(
  opened: Promise<OpenFile>,
  use: (file: OpenFile) => Promise<T> | T,
): Promise<T> {
  const file = await opened;
  try {
    return await use(file);
  } finally {
    await file.close();
  }
}

/** Opens several, one after the other, uses and closes them. */
export async function usingAll<T>(
  fs: Subject,
  opening: readonly (readonly [path: Path, flags: number])[],
  use: (...files: OpenFile[]) => Promise<T>,
): Promise<T> {
  const files: OpenFile[] = [];
  try {
    for (const [path, flags] of opening) files.push(await fs.open(path, flags));
    return await use(...files);
  } finally {
    for (const file of files) await file.close();
  }
}

/** Makes a file, or replaces its contents. */
export async function put(
  fs: Subject,
  path: Path,
  data: string | Uint8Array = '',
  mode = 0o644,
): Promise<void> {
  await using(fs.open(path, O_WRONLY | O_CREAT | O_TRUNC, mode), async (file) => {
    if (data.length > 0) expect(await file.write(data)).toBe(Buffer.byteLength(data));
  });
}

/** The contents of a file, as text in which each character is a byte. */
export async function get(fs: Subject, path: Path): Promise<string> {
  return using(fs.open(path, O_RDONLY), contents);
}

/** Everything in an open file, from its start. */
export async function contents(file: OpenFile): Promise<string> {
  const { size } = await file.stat();
  const bytes = await file.read(size + 1, 0);
  return bytes.toString('latin1');
}

/** Names in a directory, sorted. */
export async function names(fs: Subject, path: Path = '/'): Promise<string[]> {
  return (await fs.readdir(path)).map((name) => name.toString()).sort();
}

/** Permission bits in octal, for messages that can be read. */
export async function modeOf(fs: Subject, path: Path): Promise<string> {
  return (await fs.lstat(path)).mode.toString(8);
}

/** What is left in an open directory. */
export async function rest(directory: OpenDirectory): Promise<string[]> {
  const found: string[] = [];
  for (let entry = await directory.read(); entry !== null; entry = await directory.read())
    found.push(entry.name.toString());
  return found;
}

/** Whether there is anything of that name, link or not. */
export async function isThere(fs: Subject, path: Path): Promise<boolean> {
  return (await outcomeOf(fs.lstat(path))) === 'success';
}

/** Bytes that tell where they belong: every 8 of them say their number. */
export function numbered(bytes: number, from = 0): Buffer {
  const buffer = Buffer.alloc(bytes);
  for (let at = 0; at + 8 <= bytes; at += 8) buffer.writeUInt32BE(from + at / 8 + 1, at);
  return buffer;
}

/**
 * Returns when a change of the file at `path` bears a later time than before: clocks of file systems stand still for some
 * milliseconds at a time.
 */
export async function clockMoved(fs: Subject, path: string): Promise<void> {
  await put(fs, path, '1');
  const { mtime: before } = await fs.stat(path);
  await using(fs.open(path, O_WRONLY), (file) =>
    waitUntil(
      async () => {
        await file.write('2', 0);
        return (await fs.stat(path)).mtime > before;
      },
      { what: 'the clock to move', everyMs: 1 },
    ),
  );
}
