import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeCredential, maxGroups } from '../../src/rpc/index.ts';
import { SLOTS, XidTable } from '../../src/rpc/xid-table.ts';
import { XdrReader } from '../../src/xdr/index.ts';

describe('XidTable', () => {
  test('a model: what was added is found under its xid until it is removed, and never again', () => {
    const step = fc.record({ add: fc.boolean(), pick: fc.nat() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 400, size: 'max' }), (steps) => {
        const table = new XidTable<number>();
        const model = new Map<number, number>();
        const gone: number[] = [];
        let serial = 0;
        for (const { add, pick } of steps) {
          if (add) {
            const xid = table.add(serial);
            expect(xid).toBeGreaterThan(0);
            expect(xid).toBeLessThanOrEqual(0xffffffff);
            expect(model.has(xid)).toBe(false);
            model.set(xid, serial++);
          } else if (model.size > 0) {
            const xid = [...model.keys()][pick % model.size]!;
            expect(table.remove(xid)).toBe(model.get(xid));
            expect(table.remove(xid)).toBe(undefined);
            model.delete(xid);
            gone.push(xid);
          }
          expect(table.size).toBe(model.size);
        }
        for (const xid of gone) expect(table.get(xid)).toBe(undefined);
        for (const [xid, entry] of model) expect(table.get(xid)).toBe(entry);
        expect([...table].sort()).toEqual([...model.values()].sort());
        expect(table.get(0)).toBe(undefined);
        expect(table.clear().length).toBe(model.size);
        for (const xid of model.keys()) expect(table.get(xid)).toBe(undefined);
      }),
    );
  });

  test('full means full, and after a clear all slots are there again', () => {
    const table = new XidTable<number>();
    const xids = new Set<number>();
    for (let round = 0; round < 3; round++) {
      for (let index = 0; index < SLOTS; index++) xids.add(table.add(index));
      expect(table.full).toBe(true);
      table.clear();
      expect(table.size).toBe(0);
    }
    expect(xids.size).toBe(3 * SLOTS);
  });

  test('an xid comes again only after a million calls of its slot', () => {
    const table = new XidTable<number>();
    const first = table.add(1);
    table.remove(first);
    let between = 0;
    for (;;) {
      const xid = table.add(1);
      table.remove(xid);
      if (xid === first || xid === 0) break;
      between++;
    }
    expect(table.add(1)).not.toBe(0);
    expect(between).toBeGreaterThan(1_000_000);
  });
});

describe('credentials', () => {
  const identity = fc.record({
    pid: fc.integer(),
    uid: fc.integer({ min: 0, max: 0xffffffff }),
    gid: fc.integer({ min: 0, max: 0xffffffff }),
    groups: fc.array(fc.integer({ min: 0, max: 0xffffffff }), { maxLength: 100, size: 'max' }),
    lkOwner: fc.uint8Array({ maxLength: 400, size: 'max' }),
    stamp: fc.record({
      flags: fc.nat(63),
      seconds: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
      nanoseconds: fc.nat(999_999_999),
    }),
  });

  test.each(['v2', 'v3'] as const)(
    '%s: what fits into 400 bytes round-trips, what does not is EINVAL',
    (flavor) => {
      fc.assert(
        fc.property(identity, (who) => {
          const fits = who.groups.length <= maxGroups(flavor, who.lkOwner.length);
          const least = (flavor === 'v3' ? 36 : 20) + Math.ceil(who.lkOwner.length / 4) * 4;
          if (!fits || least > 400) {
            expect(() => encodeCredential(flavor, who)).toThrow(/do not fit into a credential/);
            return;
          }
          const bytes = encodeCredential(flavor, who);
          expect(bytes.length).toBeLessThanOrEqual(408);
          const reader = new XdrReader(bytes);
          expect(reader.u32()).toBe(flavor === 'v3' ? 390040 : 390039);
          expect(reader.u32()).toBe(reader.remaining);
          expect([reader.i32(), reader.u32(), reader.u32()]).toEqual([who.pid, who.uid, who.gid]);
          if (flavor === 'v3') {
            // Nanoseconds stand before seconds.
            const { flags, seconds, nanoseconds } = who.stamp;
            expect([reader.u32(), reader.u32(), reader.u53()]).toEqual([flags, nanoseconds, seconds]);
          }
          const groups = Array.from({ length: reader.count(100, 4) }, () => reader.u32());
          expect(groups).toEqual(who.groups);
          expect(Buffer.from(reader.opaque(1024)).equals(Buffer.from(who.lkOwner))).toBe(true);
          reader.finish();
        }),
      );
    },
  );

  test('the limits that servers were found to have', () => {
    expect(maxGroups('v3', 0)).toBe(91);
    expect(maxGroups('v2', 0)).toBe(95);
    expect(maxGroups('v3', 8)).toBe(89);
    expect(maxGroups('v3', 1024)).toBe(0);
  });
});
