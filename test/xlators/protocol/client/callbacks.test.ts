import { describe, expect, test } from 'vitest';
import { gfidToString } from '../../../../src/protocol/gfid.ts';
import { readCall } from '../../../../src/rpc/message.ts';
import { callbackEvent } from '../../../../src/xlators/protocol/client/callbacks.ts';
import { load } from '../../../protocol/wire-vectors.ts';

/** The event of the callback that a real server sent, by procedure and case. */
function eventOf(name: string, which = ''): ReturnType<typeof callbackEvent> {
  const vector = load('callbacks').find((candidate) => candidate.name === name && candidate.case === which)!;
  return callbackEvent(readCall(vector.request.subarray(4)));
}

describe('callbacks of real servers', () => {
  test('a file changed: what changed, and its attributes', () => {
    const event = eventOf('CACHE_INVALIDATION', 'flags 0x18');
    expect(event).toMatchObject({ kind: 'cache-invalidation', flags: 0x18, expiresIn: 60 });
    if (event?.kind !== 'cache-invalidation') throw new Error('another event');
    expect(gfidToString(event.gfid)).toBe('43312796-b4d1-406f-81d0-ce46a288ec12');
    expect(gfidToString(event.stat!.gfid)).toBe(gfidToString(event.gfid));
    expect(event.stat!.mode).toBe(0o100600);
    expect(event.stat!.mtimeNsec).toBeLessThan(1e9);
  });

  test.each(['flags 0x10', 'flags 0x100', 'flags 0x5e'])('a file changed: %s', (which) => {
    expect(eventOf('CACHE_INVALIDATION', which)).toMatchObject({
      kind: 'cache-invalidation',
      flags: Number(which.slice(6)),
    });
  });

  test('a lease is to be given back', () => {
    const event = eventOf('RECALL_LEASE');
    if (event?.kind !== 'lease-recall') throw new Error('another event');
    expect(gfidToString(event.gfid)).toBe('56c6c98d-c2f0-4dd0-bc7d-f2bd1c517777');
    // 10.3 says neither which lease nor of what kind.
    expect(event.leaseId).toEqual(new Uint8Array(16));
    expect(event.type).toBe(0);
  });

  test('someone waits for a lock that we hold', () => {
    const event = eventOf('INODELK_CONTENTION');
    if (event?.kind !== 'inodelk-contention') throw new Error('another event');
    expect(event.domain).toMatch(/^[\w-]+$/);
    expect(event.flock.type).toBe(1);
    expect(event.gfid.some((byte) => byte !== 0)).toBe(true);
  });

  test('those that mean nothing to translators are no events', () => {
    for (const name of ['FETCHSPEC', 'CHILD_DOWN', 'STATEDUMP']) expect(eventOf(name)).toBe(undefined);
  });

  test('cut anywhere: EPROTO, or nothing', () => {
    for (const { request } of load('callbacks')) {
      for (let length = 44; length < request.length; length += 4) {
        const call = readCall(request.subarray(4, length));
        try {
          callbackEvent(call);
        } catch (error) {
          expect(error).toMatchObject({ name: 'GlfsError' });
        }
      }
    }
  });
});
