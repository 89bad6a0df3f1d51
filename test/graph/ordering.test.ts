import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GlfsError } from '../../src/errors.ts';
import { Inode, type RangeKind, RangeOrder, rootContext } from '../../src/graph/index.ts';
import { newGfid } from '../../src/protocol/gfid.ts';

interface Operation {
  kind: RangeKind;
  start: number;
  end: number;
  started: boolean;
  ended: boolean;
  finish: (failing?: boolean) => void;
  abort: () => void;
  outcome: Promise<string>;
}

/** All microtasks that are due. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function begin(order: RangeOrder, inode: Inode, kind: RangeKind, offset: number, size: number): Operation {
  const controller = new AbortController();
  const whole = kind !== 'read' && kind !== 'write';
  const operation: Operation = {
    kind,
    start: whole ? 0 : offset,
    end: whole ? Number.POSITIVE_INFINITY : offset + size,
    started: false,
    ended: false,
    finish: () => {},
    abort: () => controller.abort(),
    outcome: Promise.resolve(''),
  };
  const run = order.run(
    inode,
    kind,
    offset,
    size,
    () => {
      operation.started = true;
      return new Promise<string>((resolve, reject) => {
        operation.finish = (failing) => {
          operation.ended = true;
          if (failing) reject(new GlfsError('EIO'));
          else resolve('done');
        };
      });
    },
    rootContext({ signal: controller.signal }),
  );
  operation.outcome = run.catch((error: GlfsError) => error.code);
  return operation;
}

/** The model: does `later` have to wait for `earlier`? Written from the promise, not from the code. */
function conflicts(earlier: Operation, later: Operation): boolean {
  const writes = (operation: Operation) => operation.kind === 'write' || operation.kind === 'barrier';
  if (later.kind === 'settle') return earlier.kind !== 'settle';
  if (earlier.kind === 'settle' || earlier.kind === 'drain') return false;
  if (!writes(earlier) && !writes(later)) return false;
  return earlier.start < later.end && later.start < earlier.end;
}

describe('RangeOrder', () => {
  it('starts at once what nothing stands against', () => {
    const order = new RangeOrder();
    const inode = new Inode(newGfid());
    const operations = [
      begin(order, inode, 'write', 0, 10),
      begin(order, inode, 'write', 10, 10),
      begin(order, inode, 'read', 20, 100),
      begin(order, inode, 'read', 50, 100),
      begin(order, new Inode(newGfid()), 'write', 0, 10),
    ];
    expect(operations.map(({ started }) => started)).toEqual([true, true, true, true, true]);
  });

  it('holds a read behind an overlapping write, and the next write behind that read', async () => {
    const order = new RangeOrder();
    const inode = new Inode(newGfid());
    const [first, read, second] = [
      begin(order, inode, 'write', 0, 10),
      begin(order, inode, 'read', 9, 1),
      begin(order, inode, 'write', 5, 10),
    ];
    expect([read.started, second.started]).toEqual([false, false]);
    first.finish();
    await settled();
    expect([read.started, second.started]).toEqual([true, false]);
    read.finish();
    await settled();
    expect(second.started).toBe(true);
  });

  it('goes on after a failure', async () => {
    const order = new RangeOrder();
    const inode = new Inode(newGfid());
    const [first, second] = [begin(order, inode, 'write', 0, 10), begin(order, inode, 'write', 0, 10)];
    first.finish(true);
    expect(await first.outcome).toBe('EIO');
    await settled();
    expect(second.started).toBe(true);
  });

  it('goes on after an operation that throws instead of rejecting', async () => {
    const order = new RangeOrder();
    const inode = new Inode(newGfid());
    const thrown = order.run(inode, 'barrier', 0, 0, () => {
      throw new GlfsError('EINVAL');
    });
    await expect(thrown).rejects.toMatchObject({ code: 'EINVAL' });
    expect(begin(order, inode, 'write', 0, 1).started).toBe(true);
  });

  it('waits with fsync for earlier writes only, and holds nobody up with it', async () => {
    const order = new RangeOrder();
    const inode = new Inode(newGfid());
    const read = begin(order, inode, 'read', 0, 10);
    const write = begin(order, inode, 'write', 100, 10);
    const drain = begin(order, inode, 'drain', 0, 0);
    const later = begin(order, inode, 'write', 200, 10);
    const release = begin(order, inode, 'settle', 0, 0);
    expect([drain.started, later.started]).toEqual([false, true]);
    write.finish();
    await settled();
    expect([drain.started, release.started]).toEqual([true, false]);
    for (const operation of [drain, later]) operation.finish();
    await settled();
    expect(release.started, 'a read is still under way').toBe(false);
    read.finish();
    await settled();
    expect(release.started).toBe(true);
  });

  it('lets a release wait even for a call on no bytes at all', async () => {
    const order = new RangeOrder();
    const inode = new Inode(newGfid());
    const empty = begin(order, inode, 'read', 0, 0);
    const release = begin(order, inode, 'settle', 0, 0);
    expect(release.started).toBe(false);
    empty.finish();
    await settled();
    expect(release.started).toBe(true);
  });

  it('takes a waiting caller out at its abort and never calls its operation', async () => {
    const order = new RangeOrder();
    const inode = new Inode(newGfid());
    const first = begin(order, inode, 'write', 0, 10);
    const aborted = begin(order, inode, 'barrier', 0, 0);
    const behind = begin(order, inode, 'write', 20, 10);
    expect(behind.started).toBe(false);
    aborted.abort();
    expect(await aborted.outcome).toBe('ECANCELED');
    await settled();
    expect([aborted.started, behind.started, first.started]).toEqual([false, true, true]);
  });

  it('ends a wait at the deadline', async () => {
    const order = new RangeOrder();
    const inode = new Inode(newGfid());
    begin(order, inode, 'write', 0, 10);
    const context = rootContext({ deadline: performance.now() + 5 });
    const late = order.run(inode, 'write', 0, 10, async () => 'never', context);
    await expect(late).rejects.toMatchObject({ code: 'ETIMEDOUT' });
  });

  it('takes ranges of two inodes in one instant: crossing copies do not block each other for ever', async () => {
    const order = new RangeOrder();
    const [a, b] = [new Inode(newGfid()), new Inode(newGfid())];
    const log: string[] = [];
    const copy = (from: Inode, to: Inode, name: string) =>
      order.runAll(
        [
          { inode: from, kind: 'read', offset: 0, size: 10 },
          { inode: to, kind: 'write', offset: 0, size: 10 },
        ],
        async () => {
          log.push(`${name} begins`);
          await settled();
          log.push(`${name} ends`);
        },
      );
    await Promise.all([copy(a, b, 'first'), copy(b, a, 'second'), copy(a, b, 'third')]);
    expect(log).toEqual([
      'first begins',
      'first ends',
      'second begins',
      'second ends',
      'third begins',
      'third ends',
    ]);
  });

  it('runs exactly what the model allows, at every step of any interleaving', async () => {
    const kind = fc.constantFrom<RangeKind>('read', 'read', 'write', 'write', 'barrier', 'drain', 'settle');
    const start = fc.record({
      what: fc.constant('start' as const),
      kind,
      offset: fc.nat(40),
      size: fc.nat(12),
    });
    const end = fc.record({
      what: fc.constantFrom('finish' as const, 'fail' as const, 'abort' as const),
      which: fc.nat(63),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(start, end), { maxLength: 60 }), async (steps) => {
        const order = new RangeOrder();
        const inode = new Inode(newGfid());
        const open: Operation[] = [];
        for (const step of steps) {
          if (step.what === 'start') open.push(begin(order, inode, step.kind, step.offset, step.size));
          else end_(open, step.what, step.which);
          await settled();
          const expected = open.map(
            (later, index) => !open.slice(0, index).some((one) => conflicts(one, later)),
          );
          expect(open.map(({ started }) => started)).toEqual(expected);
        }
        // Nothing is left behind: all of them come to their end.
        while (open.length > 0) {
          end_(
            open,
            'finish',
            open.findIndex(({ started }) => started),
          );
          await settled();
        }
        expect(begin(order, inode, 'barrier', 0, 0).started).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});

/** Ends a running operation or aborts a waiting one, whichever stands at `which`, and takes it out of the model. */
function end_(open: Operation[], what: 'finish' | 'fail' | 'abort', which: number): void {
  if (open.length === 0) return;
  const index = which % open.length;
  const operation = open[index]!;
  if (operation.started) {
    if (what === 'abort') return;
    operation.finish(what === 'fail');
  } else {
    if (what !== 'abort') return;
    operation.abort();
  }
  open.splice(index, 1);
}
