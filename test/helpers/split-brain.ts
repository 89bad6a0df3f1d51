import { noticed } from './replicate-story/both.ts';

/** A replica set of two whose bricks die and come back, and the clients that use it. */
export interface TornSet {
  kill(index: number): Promise<void>;
  restart(index: number): Promise<void>;
  /** For each client which bricks it takes for up. */
  readonly views: readonly (() => boolean[])[];
}

/** Does one thing while only the first copy is there, and the other while only the second is. */
export async function tearApart(
  set: TornSet,
  first: () => Promise<unknown>,
  second: () => Promise<unknown>,
): Promise<void> {
  await set.kill(1);
  await noticed([true, false], ...set.views);
  await first();
  // Not the other way round: glusterd starts all bricks of a volume that are down, or none.
  await set.restart(1);
  await noticed([true, true], ...set.views);
  await set.kill(0);
  await noticed([false, true], ...set.views);
  await second();
  await set.restart(0);
  await noticed([true, true], ...set.views);
}

/** Who writes the files that are torn. */
export interface Author {
  writeFile(name: string, text: string): Promise<unknown>;
  chmod(name: string, mode: number): Promise<unknown>;
  mkdir(name: string): Promise<unknown>;
}

export const EARLIER = 'of the first copy, which is longer';
export const LATER = 'of the second copy';
const SAME = 'neither is big'.padEnd(LATER.length);

/** Files of which the copies accuse each other, with what each copy's writer does. Those that are `new` are two files each. */
const torn: Readonly<
  Record<string, { new?: boolean; texts?: readonly [string, string]; modes?: readonly [number, number] }>
> = {
  'data-latest': { texts: [EARLIER, LATER] },
  'data-bigger': { texts: [EARLIER, LATER] },
  'data-source': { texts: [EARLIER, LATER] },
  'data-equal': { texts: [SAME, LATER] },
  'data-rest': { texts: [EARLIER, LATER] },
  mode: { modes: [0o600, 0o640] },
  'mode-rest': { modes: [0o600, 0o640] },
  both: { texts: [EARLIER, LATER], modes: [0o600, 0o640] },
  'gfid/latest': { new: true, texts: [EARLIER, LATER] },
  'gfid/bigger': { new: true, texts: [EARLIER, LATER] },
  'gfid/source': { new: true, texts: [EARLIER, LATER] },
};

export const tornFiles = Object.keys(torn);

/** Before anything is torn. */
export async function makeWhole(author: Author): Promise<void> {
  await author.mkdir('gfid');
  await author.writeFile('well', 'well');
  for (const [name, { new: isNew }] of Object.entries(torn))
    if (!isNew) await author.writeFile(name, 'whole');
}

/** What is done while only one copy is there. */
export async function tear(author: Author, copy: 0 | 1): Promise<void> {
  for (const [name, { texts, modes }] of Object.entries(torn)) {
    if (texts !== undefined) await author.writeFile(name, texts[copy]);
    if (modes !== undefined) await author.chmod(name, modes[copy]);
  }
}

/** One command of the administrator: words behind `split-brain`, where FILE and BRICK stand for themselves. */
export interface Resolution {
  readonly words: readonly string[];
  /** File of the story. */
  readonly file: string;
  /** What is in it then; absent where the command is refused. */
  readonly text?: string;
  readonly mode?: number;
}

/** In an order in which each does something. BRICK is the first copy. */
export const resolutions: readonly Resolution[] = [
  { words: ['latest-mtime'], file: 'well' },
  { words: ['bigger-file'], file: 'data-equal' },
  { words: ['latest-mtime'], file: 'mode' },
  { words: ['latest-mtime'], file: 'data-latest', text: LATER },
  { words: ['bigger-file'], file: 'data-bigger', text: EARLIER },
  { words: ['source-brick', 'BRICK'], file: 'data-source', text: EARLIER },
  { words: ['latest-mtime'], file: 'data-equal', text: LATER },
  { words: ['source-brick', 'BRICK'], file: 'mode', mode: 0o600 },
  { words: ['source-brick', 'BRICK'], file: 'both', text: EARLIER, mode: 0o600 },
  { words: ['latest-mtime'], file: 'gfid/latest', text: LATER },
  { words: ['bigger-file'], file: 'gfid/bigger', text: EARLIER },
  { words: ['source-brick', 'BRICK'], file: 'gfid/source', text: EARLIER },
];

/** What a `source-brick` without a file is left to do. */
export const leftToSource = ['data-rest', 'mode-rest'];
