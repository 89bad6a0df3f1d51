import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Fd, Inode, rootContext } from '../../../../src/graph/index.ts';
import { newGfid } from '../../../../src/protocol/gfid.ts';
import { OpenFlag } from '../../../../src/protocol/messages.ts';
import { read } from '../../../../src/xlators/cluster/distribute/file-read.ts';
import { ftruncate, write } from '../../../../src/xlators/cluster/distribute/file-write.ts';
import { distributeOver } from '../../../helpers/distribute-state.ts';
import { FileBrick } from '../../../helpers/file-brick.ts';
import { moveFile } from '../../../helpers/mover.ts';

const context = rootContext();
const BLOCK = 4;
const BLOCKS = 6;

type Step =
  | { kind: 'write'; client: number; block: number }
  | { kind: 'read'; client: number }
  | { kind: 'truncate'; client: number; blocks: number };

const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('write' as const), client: fc.nat(1), block: fc.nat(BLOCKS) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('read' as const), client: fc.nat(1) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('truncate' as const),
      client: fc.nat(1),
      blocks: fc.nat(BLOCKS),
    }),
  },
);

/** Calls for which a file rests where it is, after a move. */
const REST = 8;

/** A rebalance without end: it moves the file round the bricks, a step at a time. */
function* rounds(
  gfid: Uint8Array,
  bricks: readonly FileBrick[],
  chunk: number,
  keepSource: boolean,
  moved: number[],
) {
  for (;;) {
    const at = bricks.findIndex((brick) => (brick.file(gfid)?.mode ?? 0) % 0o10000 === 0o644);
    const to = bricks[(at + 1) % bricks.length]!;
    if (yield* moveFile(gfid, bricks[at]!, to, { chunk, keepSource })) moved.push(at);
    yield 'pause';
  }
}

/** The content as it must be, byte by byte. */
class Oracle {
  content = new Uint8Array(0);

  put(offset: number, bytes: Uint8Array): void {
    const longer = new Uint8Array(Math.max(this.content.length, offset + bytes.length));
    longer.set(this.content);
    longer.set(bytes, offset);
    this.content = longer;
  }

  cut(size: number): void {
    const cut = new Uint8Array(size);
    cut.set(this.content.subarray(0, size));
    this.content = cut;
  }
}

async function run(
  steps: readonly Step[],
  pace: readonly number[],
  chunk: number,
  keepSource: boolean,
  count: number,
): Promise<number> {
  const gfid = newGfid();
  const bricks = Array.from({ length: count }, (_, index) => new FileBrick(`vol-client-${index}`));
  bricks[0]!.put(gfid);
  const moved: number[] = [];
  const mover = rounds(gfid, bricks, chunk, keepSource, moved);
  let turn = 0;
  let rest = 0;
  // Between any two calls that reach bricks, the mover makes as many of its own.
  for (const brick of bricks) {
    brick.beforeEach = () => {
      for (let left = pace[turn++ % pace.length]!; left > 0 && --rest < 0; left--) {
        if (mover.next().value === 'pause') rest = REST;
      }
    };
  }
  const clients = [0, 1].map(() => {
    const state = distributeOver(bricks);
    const inode = new Inode(gfid, 'file');
    return { state, fd: new Fd(inode, OpenFlag.RDWR) };
  });
  const oracle = new Oracle();
  let serial = 1;
  const check = async (client: number): Promise<void> => {
    const { state, fd } = clients[client]!;
    const { data } = await read(state, { fd, offset: 0, size: 1000, flags: 0 }, context);
    expect(Buffer.from(data).toString('hex')).toBe(Buffer.from(oracle.content).toString('hex'));
  };
  for (const next of steps) {
    const { state, fd } = clients[next.client]!;
    if (next.kind === 'read') await check(next.client);
    else if (next.kind === 'truncate') {
      await ftruncate(state, { fd, offset: next.blocks * BLOCK }, context);
      oracle.cut(next.blocks * BLOCK);
    } else {
      const bytes = new Uint8Array(BLOCK).fill(serial++);
      const offset = next.block * BLOCK;
      await write(state, { fd, offset, size: BLOCK, flags: 0, data: [bytes] }, context);
      oracle.put(offset, bytes);
    }
  }
  await check(0);
  await check(1);
  return moved.length;
}

describe('files that wander while they are written', () => {
  it('have every byte that was acknowledged, for every client, whatever the mover does between two calls', async () => {
    let moves = 0;
    const scenario = fc.record({
      steps: fc.array(step, { minLength: 1, maxLength: 24 }),
      pace: fc
        .array(fc.oneof(fc.nat(3), fc.nat(25)), { minLength: 1, maxLength: 30 })
        .filter((p) => p.some(Boolean)),
      chunk: fc.integer({ min: 1, max: 40 }),
      keepSource: fc.boolean(),
      bricks: fc.integer({ min: 2, max: 4 }),
    });
    await fc.assert(
      fc.asyncProperty(scenario, async ({ steps, pace, chunk, keepSource, bricks }) => {
        moves += await run(steps, pace, chunk, keepSource, bricks);
      }),
      { numRuns: 1500 },
    );
    // A mover that always gave up would have proved nothing.
    expect(moves).toBeGreaterThan(1000);
  });
});
