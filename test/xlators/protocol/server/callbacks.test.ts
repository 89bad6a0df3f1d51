import { expect, test } from 'vitest';
import { ROOT_GFID } from '../../../../src/protocol/gfid.ts';
import { callbackOf } from '../../../../src/xlators/protocol/server/callbacks.ts';

const flock = { type: 1, whence: 0, start: 0n, length: 0n, pid: 5, owner: Buffer.from('owner') };
/** gfid, then flock: type, whence, start, length, pid, and an owner of 5 bytes; then the pid of the callback. */
const INODELK_PID = 16 + 4 + 4 + 8 + 8 + 4 + 4 + 8;
/** gfid, type; then the pid. */
const ENTRYLK_PID = 16 + 4;

test.each([
  [4711, 4711],
  [-6, 0xffff_fffa],
])('contention names the pid of the holder: %i', (pid, said) => {
  const inodelk = callbackOf({ kind: 'inodelk-contention', gfid: ROOT_GFID, domain: 'd', flock, pid })!;
  const entrylk = callbackOf({
    kind: 'entrylk-contention',
    gfid: ROOT_GFID,
    domain: 'd',
    name: 'n',
    type: 1,
    pid,
  })!;
  expect(Buffer.from(inodelk.encoded).readUInt32BE(INODELK_PID)).toBe(said);
  expect(Buffer.from(entrylk.encoded).readUInt32BE(ENTRYLK_PID)).toBe(said);
});
