import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Volume } from '../../../../../src/index.ts';
import type { FopName } from '../../../../../src/protocol/fops.ts';
import { type Cluster, startCluster, type TestBrick } from '../../../../../src/testing/index.ts';
import { blamesOf } from '../../../../helpers/blames.ts';
import { waitUntil } from '../../../../helpers/wait.ts';

let cluster: Cluster;
let bricks: readonly TestBrick[];
let files = 0;

beforeAll(async () => {
  cluster = await startCluster({ volumes: { r: { type: 'replicate 3' } } });
  bricks = cluster.bricks('r');
});
afterAll(() => cluster?.stop());

const SIZE = 4096;

/** What a caller was told of one file, step by step. */
interface Told {
  /** Bytes that were acknowledged and not touched by anything that failed since. */
  readonly bytes: Map<number, string>;
  mode?: number;
  readonly errors: unknown[];
}

/** Writes, overlapping and not, one after the other and at once; cuts the file; changes its mode. */
async function tell(volume: Volume, name: string): Promise<Told> {
  const told: Told = { bytes: new Map(), errors: [] };
  const file = await volume.open(name, 'r+');
  const write = async (at: number, letter: string): Promise<void> => {
    told.bytes.delete(at);
    try {
      await file.pwrite(Buffer.alloc(SIZE, letter), at * SIZE);
      told.bytes.set(at, letter);
    } catch (error) {
      // One that was made before it may have been acknowledged while this one waited.
      told.bytes.delete(at);
      throw error;
    }
  };
  const steps: (() => Promise<unknown>)[] = [
    () => write(0, 'b'),
    () => Promise.all([write(1, 'c'), write(2, 'd'), write(1, 'e'), write(3, 'f')]),
    () => file.sync(),
    () => write(0, 'g'),
    async () => {
      told.bytes.delete(3);
      await file.truncate(3 * SIZE);
      told.bytes.set(3, '');
    },
    () => write(2, 'h'),
    async () => {
      told.mode = undefined;
      await file.chmod(0o640);
      told.mode = 0o640;
    },
    () => file.close(),
  ];
  for (const step of steps) await step().catch((error: unknown) => told.errors.push(error));
  return told;
}

interface Copy {
  readonly bytes: string;
  readonly mode: number;
}

function copyOn(brick: TestBrick, name: string): Copy {
  const path = join(brick.directory, name);
  return { bytes: readFileSync(path, 'latin1'), mode: statSync(path).mode & 0o777 };
}

function lacks({ bytes, mode }: Copy, told: Told): boolean {
  if (told.mode !== undefined && mode !== told.mode) return true;
  return [...told.bytes].some(
    ([at, letter]) => bytes.slice(at * SIZE, (at + 1) * SIZE) !== letter.repeat(SIZE),
  );
}

/** Every copy that lacks what was acknowledged is accused by others; where copies differ at all, some mark stands. */
function expectMarked(name: string, told: Told): void {
  const copies = bricks.map((brick) => copyOn(brick, name));
  const marks = blamesOf(bricks, '')[name] ?? [];
  for (const [index, copy] of copies.entries()) {
    if (!lacks(copy, told)) continue;
    const accusers = marks.filter(
      (mark) => !mark.startsWith(`${index}:`) && mark.includes(`client-${index} `),
    );
    expect({ index, marks, accusers: accusers.length }).toMatchObject({ accusers: 2 });
  }
  const differ = copies.some(({ bytes, mode }) => bytes !== copies[0]!.bytes || mode !== copies[0]!.mode);
  if (differ) expect(marks).not.toEqual([]);
}

type Manner = 'executed, connection lost' | 'executed, killed' | 'not executed, killed';

const faults = {
  'executed, connection lost': { action: 'drop' },
  'executed, killed': { action: 'hang' },
  'not executed, killed': { action: 'delay', milliseconds: 60_000 },
} as const;

interface Crash {
  readonly fop: FopName;
  readonly nth: number;
  readonly manner: Manner;
  readonly victims: readonly number[];
}

/** The story with bricks that end at one call; answers whether they did. */
async function crash({
  fop,
  nth,
  manner,
  victims,
}: Crash): Promise<{ told: Told; struck: boolean; name: string }> {
  const name = `f${files++}`;
  const volume = await cluster.connect('r');
  await volume.writeFile(name, Buffer.alloc(SIZE * 4, 'a'), { mode: 0o600 });
  let over = false;
  let struck = false;
  const strike = async (brick: TestBrick): Promise<void> => {
    const fault = await brick.fault({ fop, nth, ...faults[manner] });
    const acted = await waitUntil(async () => (await fault.acted()) > 0 || over, {
      what: 'the call',
      everyMs: 2,
    });
    if (!acted || (await fault.acted()) === 0) {
      await fault.remove();
      return;
    }
    struck = true;
    if (manner !== 'executed, connection lost') await brick.kill();
  };
  const strikes = victims.map((index) => strike(bricks[index]!));
  const told = await tell(volume, name).finally(() => {
    over = true;
  });
  await Promise.all(strikes);
  await volume.close();
  for (const index of victims) if (bricks[index]!.state === 'down') await bricks[index]!.restart();
  return { told, struck, name };
}

const places: readonly (readonly [FopName, number])[] = [
  ...[1, 2, 3, 4].map((nth) => ['finodelk', nth] as const),
  ...[1, 2, 3].map((nth) => ['fxattrop', nth] as const),
  ...[1, 2, 4, 6].map((nth) => ['write', nth] as const),
  ...[1, 2].map((nth) => ['fsync', nth] as const),
  ['ftruncate', 1],
  ['fsetattr', 1],
  ['flush', 1],
];

describe.each(Object.keys(faults) as Manner[])('a brick that ends at a call (%s)', (manner) => {
  test.each(places)(
    '%s %i: callers see nothing of it, and it is accused of what it lacks',
    async (fop, nth) => {
      const victim = nth % 2 === 0 ? 0 : 2;
      const { told, struck, name } = await crash({ fop, nth, manner, victims: [victim] });
      expect({ errors: told.errors, struck }).toEqual({ errors: [], struck: true });
      expectMarked(name, told);
    },
  );
});

describe('two bricks that end at a call', () => {
  test.each(places.filter(([fop]) => fop !== 'flush'))(
    '%s %i: what was acknowledged is not lost',
    async (fop, nth) => {
      const { told, struck, name } = await crash({ fop, nth, manner: 'executed, killed', victims: [0, 1] });
      expect(struck).toBe(true);
      const copies = bricks.map((brick) => copyOn(brick, name));
      expect(copies.some((copy) => !lacks(copy, told))).toBe(true);
      const differ = copies.some(({ bytes, mode }) => bytes !== copies[0]!.bytes || mode !== copies[0]!.mode);
      if (differ) expect(blamesOf(bricks, '')[name] ?? []).not.toEqual([]);
    },
  );
});
