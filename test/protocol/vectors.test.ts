import { describe, expect, test } from 'vitest';
import { isGlfsError } from '../../src/errors.ts';
import { Dict, entryText } from '../../src/protocol/dict.ts';
import { parseSerializedDict, serializeDict } from '../../src/protocol/dict-serialized.ts';
import { fopNames, unsentFops } from '../../src/protocol/fops.ts';
import { type Gfid, gfidToString, isNullGfid, ROOT_GFID } from '../../src/protocol/gfid.ts';
import * as handshake from '../../src/protocol/handshake.ts';
import type { Iatt } from '../../src/protocol/iatt.ts';
import { encodeCredential } from '../../src/rpc/index.ts';
import { copyBytes, type Xdr, XdrReader, XdrWriter } from '../../src/xdr/index.ts';
import { callParts, type FopVector, fopVectors, load, resultOf } from './wire-vectors.ts';

const vectors = fopVectors();
/** Those that the server took: its accept_stat is 0. */
const succeeded = vectors.filter(({ reply }) => reply.readUInt32BE(24) === 0);

function encoded(write: (writer: XdrWriter) => void): Buffer {
  const writer = new XdrWriter(16);
  write(writer);
  return Buffer.from(copyBytes(writer.bytes));
}

describe('requests of real clients', () => {
  test.each(vectors)('$title: encodes to the same bytes again', ({ fop, layout, dialect, request }) => {
    const { body } = callParts(request);
    const reader = new XdrReader(body);
    const fields = layout.request.decode(reader);
    const xdata = dialect.dict.decode(reader);
    const payload = body.subarray(reader.position);
    if (fop === 'write' || fop === 'put') expect(payload.length).toBe(fields.size);
    else expect(payload.length).toBe(0);
    const again = encoded((writer) => {
      layout.request.encode(writer, fields);
      dialect.dict.encode(writer, xdata);
      writer.raw(payload);
    });
    expect(again.toString('hex')).toBe(body.toString('hex'));
  });

  test.each(vectors)('$title: its credential encodes to the same bytes again', ({ request }) => {
    const { credential } = callParts(request);
    const reader = new XdrReader(credential);
    const v3 = reader.u32() === 390040;
    expect(reader.u32()).toBe(reader.remaining);
    const [pid, uid, gid] = [reader.i32(), reader.u32(), reader.u32()];
    const stamp = v3 ? { flags: reader.u32(), nanoseconds: reader.u32(), seconds: reader.u53() } : undefined;
    const groups = Array.from({ length: reader.count(100, 4) }, () => reader.u32());
    const lkOwner = reader.opaque(400);
    reader.finish();
    const again = encodeCredential(v3 ? 'v3' : 'v2', { pid, uid, gid, groups, lkOwner, stamp });
    expect(Buffer.from(again).toString('hex')).toBe(credential.toString('hex'));
  });

  test('every fop of the table has vectors, those among them that are never sent', () => {
    const seen = new Set(vectors.map(({ fop }) => fop));
    const unsent = Object.keys(unsentFops) as (keyof typeof unsentFops)[];
    expect([...fopNames, ...unsent].filter((fop) => !seen.has(fop))).toEqual([]);
    const old = new Set(vectors.filter(({ dialect }) => dialect.version === 330).map(({ fop }) => fop));
    // Later than version 330, or never in it.
    expect(fopNames.filter((fop) => !old.has(fop))).toEqual(['copyFileRange', 'setactivelk']);
  });
});

/** Decodes a reply as the client does; what is left over behind READ's xdata is its data. */
function decodeReply({ layout, dialect, reply, fop }: FopVector): {
  ret: number;
  errno: number;
  fields: Record<string, unknown>;
  xdata: Dict | undefined;
  rest: Uint8Array;
} {
  const reader = resultOf(reply);
  const [ret, errno] = [reader.i32(), reader.i32()];
  const before = layout.xdataLast ? undefined : dialect.dict.decode(reader);
  const fields = layout.reply.decode(reader);
  const xdata = layout.xdataLast ? dialect.dict.decode(reader) : before;
  const rest = reader.bytes.subarray(reader.position, reader.end);
  if (fop !== 'read') reader.finish();
  return { ret, errno, fields, xdata, rest };
}

describe('replies of a real brick', () => {
  test.each(succeeded)('$title: decodes to the last byte and encodes to the same again', (vector) => {
    const { layout, dialect, reply, fop } = vector;
    const { ret, errno, fields, xdata, rest } = decodeReply(vector);
    if (fop === 'read' && ret >= 0) expect(rest.length).toBe(ret);
    else expect(rest.length).toBe(0);
    const again = encoded((writer) => {
      writer.i32(ret);
      writer.i32(errno);
      if (!layout.xdataLast) dialect.dict.encode(writer, xdata);
      layout.reply.encode(writer, fields);
      if (layout.xdataLast) dialect.dict.encode(writer, xdata);
      writer.raw(rest);
    });
    expect(again.toString('hex')).toBe(reply.subarray(28).toString('hex'));
  });

  test.each(succeeded)('$title: its values are plausible', (vector) => {
    const { ret, errno, fields, fop } = { ...decodeReply(vector), fop: vector.fop };
    expect(errno).toBeGreaterThanOrEqual(0);
    expect(errno).toBeLessThan(200);
    const stats = Object.entries(fields).filter(([, value]) => isIatt(value)) as [string, Iatt][];
    for (const [name, stat] of stats) checkStat(`${fop} ${name}`, stat);
    if (ret < 0) return;
    const main = stats.find(([name]) => name === 'stat')?.[1];
    if (fop === 'mkdir') expect(main!.mode & 0o170000).toBe(0o040000);
    if (fop === 'symlink' || fop === 'readlink') expect(main!.mode & 0o170000).toBe(0o120000);
    if (fop === 'create') expect(main!.mode & 0o170000).toBe(0o100000);
    if ('remoteFd' in fields) expect(Number(fields.remoteFd)).toBeLessThan(1000);
    if (fop === 'readdir' || fop === 'readdirp') checkEntries(ret, fields.entries as Entry[]);
    if (fop === 'statfs') expect(fields).toMatchObject({ namemax: 255, bsize: 4096 });
    if (fop === 'readlink') expect((fields.target as string).length).toBe(ret);
  });

  test.each(vectors.filter((vector) => !succeeded.includes(vector)))(
    '$title: is a rejection',
    ({ reply }) => {
      expect(() => resultOf(reply)).toThrow(expect.objectContaining({ name: 'GlfsError' }));
    },
  );
});

interface Entry {
  name: string;
  offset: bigint;
  ino: bigint;
  type: number;
  stat?: Iatt;
}

function isIatt(value: unknown): value is Iatt {
  return typeof value === 'object' && value !== null && 'ctimeNsec' in value;
}

function checkStat(name: string, stat: Iatt): void {
  // Failed calls and parents that were not asked for have all zeros, or the gfid alone.
  if (stat.mode === 0) return;
  expect([0o01, 0o02, 0o04, 0o06, 0o10, 0o12, 0o14], name).toContain(stat.mode >> 12);
  expect(stat.nlink, name).toBeLessThan(1000);
  expect(stat.ino === 0n || stat.ino === inodeOf(stat.gfid), name).toBe(true);
  expect(stat.size, name).toBeLessThan(1 << 30);
  for (const nsec of [stat.atimeNsec, stat.mtimeNsec, stat.ctimeNsec]) expect(nsec, name).toBeLessThan(1e9);
  const year = 365n * 86400n;
  expect(stat.ctime > 50n * year && stat.ctime < 80n * year, name).toBe(true);
}

function inodeOf(gfid: Gfid): bigint {
  return Buffer.from(gfid).readBigUInt64BE(8);
}

function checkEntries(ret: number, entries: readonly Entry[]): void {
  expect(entries.length).toBe(ret);
  for (const { name, offset, ino, type, stat } of entries) {
    expect(name).toMatch(/^[ -~]+$/);
    expect(offset).toBeGreaterThan(0n);
    expect(ino).toBeGreaterThan(0n);
    expect([4, 8, 10, 1, 2, 6, 12]).toContain(type);
    // Above the root there is nothing that has a gfid.
    if (stat !== undefined && !(name === '..' && isNullGfid(stat.gfid))) checkStat(name, stat);
  }
}

describe('handshakes of real servers', () => {
  const all = load('handshake');
  const codecs: Record<string, [request: Xdr<never>, reply: Xdr<never>]> = {
    DUMP: [handshake.dumpRequest, handshake.dumpReply] as never,
    SETVOLUME: [handshake.setVolumeRequest, handshake.setVolumeReply] as never,
    GETSPEC: [handshake.getSpecRequest, handshake.getSpecReply] as never,
    GET_VOLUME_INFO: [handshake.getVolumeInfoRequest, handshake.getVolumeInfoReply] as never,
    PORTBYBRICK: [handshake.portByBrickRequest, handshake.portByBrickReply] as never,
  };
  const known = all.filter(({ name }) => name in codecs);

  test.each(known)('$name $case: both ways encode to the same bytes again', ({ name, request, reply }) => {
    const [requestSchema, replySchema] = codecs[name]!;
    const { body } = callParts(request);
    const asked = new XdrReader(body);
    const question = requestSchema.decode(asked);
    asked.finish();
    expect(encoded((writer) => requestSchema.encode(writer, question)).equals(body)).toBe(true);
    let result: XdrReader;
    try {
      result = resultOf(reply);
    } catch (error) {
      expect(isGlfsError(error)).toBe(true);
      return;
    }
    const value = replySchema.decode(result);
    result.finish();
    expect(encoded((writer) => replySchema.encode(writer, value)).equals(reply.subarray(28))).toBe(true);
  });

  test.each(known)('$name $case: dicts inside encode to the same bytes again', ({ name, request }) => {
    const { body } = callParts(request);
    const question = codecs[name]![0].decode(new XdrReader(body)) as Record<string, unknown>;
    const bytes = (question.dict ?? question.xdata) as Uint8Array | undefined;
    if (bytes === undefined || bytes.length === 0) return;
    const dict = parseSerializedDict(bytes);
    expect(Buffer.from(serializeDict(dict)).equals(Buffer.from(bytes))).toBe(true);
  });

  test('what they say', () => {
    const replyOf = <T>(name: string, schema: Xdr<T>): T[] =>
      all
        .filter((vector) => vector.name === name && vector.case === 'ok')
        .map(({ reply }) => schema.decode(resultOf(reply)));
    const [brick, manager] = replyOf('DUMP', handshake.dumpReply);
    const versions = (programs: typeof brick): bigint[] =>
      (programs?.programs ?? []).filter(({ number }) => number === 1298437n).map(({ version }) => version);
    expect(versions(brick)).toEqual([400n, 330n]);
    expect(versions(manager)).toEqual([]);
    for (const { ret, dict } of replyOf('SETVOLUME', handshake.setVolumeReply)) {
      expect(ret).toBe(0);
      const entry = parseSerializedDict(dict).entry('volume-id');
      expect(entry === undefined ? 'none' : entryText(entry)).toMatch(/^[0-9a-f-]{36}$/);
    }
    for (const { ret, spec } of replyOf('GETSPEC', handshake.getSpecReply)) {
      expect(ret).toBe(spec.length);
      expect(spec).toMatch(/^volume [\s\S]*end-volume\n/);
    }
    const info = replyOf('GET_VOLUME_INFO', handshake.getVolumeInfoReply)[0]!;
    const id = parseSerializedDict(info.dict).entry('volume_id');
    expect(entryText(id!)).toMatch(/^[0-9a-f-]{36}$/);
    expect(replyOf('PORTBYBRICK', handshake.portByBrickReply)[0]!.port).toBeGreaterThan(1023);
  });

  test('pings are answered with nothing that matters, or rejected: a sign of life all the same', () => {
    for (const vector of all.filter(({ name }) => name.includes('PING'))) {
      if (vector.case === 'ok') expect(resultOf(vector.reply).remaining).toBeGreaterThanOrEqual(0);
      else expect(() => resultOf(vector.reply)).toThrow(/procedure/);
    }
  });
});

test('the root of a volume is the gfid that LOOKUP asks for first', () => {
  const lookup = vectors.find(({ fop }) => fop === 'lookup')!;
  const gfids = vectors
    .filter(({ fop }) => fop === 'lookup')
    .map(({ request, layout }) => layout.request.decode(new XdrReader(callParts(request).body)))
    .flatMap(({ gfid, pargfid }) => [gfidToString(gfid as Gfid), gfidToString(pargfid as Gfid)]);
  expect(lookup.layout.procedure).toBe(27);
  expect(gfids).toContain(gfidToString(ROOT_GFID));
  expect(new Dict().size).toBe(0);
});
