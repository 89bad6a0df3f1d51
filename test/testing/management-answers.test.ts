import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Dict } from '../../src/protocol/dict.ts';
import { serializeDict } from '../../src/protocol/dict-serialized.ts';
import {
  dumpReply,
  getSpecReply,
  getSpecRequest,
  getVolumeInfoRequest,
  portByBrickRequest,
  procedures,
  programs,
} from '../../src/protocol/handshake.ts';
import type { Procedure } from '../../src/rpc/index.ts';
import { answerManagement, type ManagedVolumes } from '../../src/testing/management-answers.ts';
import { copyBytes, type Xdr, XdrReader, XdrWriter } from '../../src/xdr/index.ts';

interface Vector {
  readonly program: number;
  readonly version: number;
  readonly proc: number;
  readonly name: string;
  readonly peer: string;
  readonly case: string;
  readonly origin: string;
  readonly request: string;
  readonly reply: string;
}

const vectors = (
  JSON.parse(readFileSync(join(import.meta.dirname, '../vectors/handshake.json'), 'utf8')) as Vector[]
).filter(({ peer, name }) => peer === 'glusterd' && name !== 'DUMP');

/** Length of an accepted reply's header, the mark included. */
const HEADER = 28;

/** Arguments of a recorded call: behind mark, header, credential and verifier. */
function argumentsOf(request: Buffer): XdrReader {
  const credential = 28;
  const verifier = credential + 8 + request.readUInt32BE(credential + 4);
  return new XdrReader(request.subarray(verifier + 8));
}

function answered(answer: ReturnType<typeof answerManagement>): Buffer | object {
  return 'result' in answer ? Buffer.from(answer.result) : answer;
}

describe('what glusterd 10.3 answered', () => {
  test('is there for each procedure', () => {
    expect([...new Set(vectors.map(({ name }) => name))].sort()).toEqual(
      [
        'DUMP_PING',
        'GETSPEC',
        'GET_SNAPSHOT_INFO',
        'GET_VOLUME_INFO',
        'PING',
        'PORTBYBRICK',
        'SETVOLUME',
      ].sort(),
    );
  });

  test.each(vectors.map((vector) => [vector.name, vector.case, vector.origin, vector] as const))(
    '%s, %s (%s)',
    (name, outcome, _, vector) => {
      const reply = Buffer.from(vector.reply, 'hex');
      const result = reply.subarray(HEADER);
      const theirs: ManagedVolumes = {
        volfile: (volume) => (volume === 'v1' ? getSpecReply.decode(new XdrReader(result)).spec : undefined),
        volumeId: (volume) => (volume === 'v1' ? '62494019-a2f4-4046-a3b0-6f5617a5ee96' : undefined),
        port: (directory) =>
          directory === '/tmp/wirecap/bricks/v1' && outcome === 'ok' ? result.readUInt32BE(12) : undefined,
      };
      const call = {
        program: vector.program,
        version: vector.version,
        procedure: vector.proc,
        arguments: argumentsOf(Buffer.from(vector.request, 'hex')),
      };
      const ours = answered(answerManagement(call, theirs));
      if (outcome === 'rejected') expect(ours).toEqual({ refused: 'no-procedure' });
      else expect((ours as Buffer).toString('hex'), name).toBe(result.toString('hex'));
    },
  );
});

const volumes: ManagedVolumes = {
  volfile: (key) => ({ demo: 'volume ä\n', 'demo.127.0.0.1.brick': 'volume b\n' })[key],
  volumeId: (volume) => (volume === 'demo' ? '6f1d3c1e-14a1-4fd5-a1fc-2d6ffcaf7f2a' : undefined),
  port: (directory) => (directory === '/brick' ? 49152 : undefined),
};

function ask<Q>(procedure: Procedure, schema: Xdr<Q>, request: Q): ReturnType<typeof answerManagement> {
  const writer = new XdrWriter(64);
  schema.encode(writer, request);
  return answerManagement({ ...procedure, arguments: new XdrReader(copyBytes(writer.bytes)) }, volumes);
}

function spec(
  key: string,
  versions: Record<string, string> = { 'min-op-version': '1', 'max-op-version': '100000' },
) {
  const dict = new Dict();
  for (const [name, value] of Object.entries(versions)) dict.setEntry(name, { type: 'str', value });
  const xdata = dict.size === 0 ? new Uint8Array(0) : serializeDict(dict);
  const answer = ask(procedures.getSpec, getSpecRequest, { flags: 0, key, xdata });
  return getSpecReply.decode(new XdrReader((answer as { result: Uint8Array }).result));
}

describe('GETSPEC', () => {
  test('tells the length in bytes, and takes a leading slash', () => {
    expect(spec('demo')).toMatchObject({ ret: 10, errno: 0, spec: 'volume ä\n' });
    expect(spec('/demo')).toMatchObject({ ret: 10, spec: 'volume ä\n' });
  });

  test('knows bricks by the ids of their volfiles', () => {
    expect(spec('demo.127.0.0.1.brick')).toMatchObject({ spec: 'volume b\n' });
  });

  test.each([
    ['demo', {}, 95],
    ['demo', { 'min-op-version': '1', 'max-op-version': '30000' }, 95],
    ['demo', { 'min-op-version': '990000', 'max-op-version': '999999' }, 95],
    ['demo', { 'min-op-version': '1' }, 2],
    ['other', { 'min-op-version': '1', 'max-op-version': '100000' }, 2],
    ['//demo', { 'min-op-version': '1', 'max-op-version': '100000' }, 2],
    ['x'.repeat(255), { 'min-op-version': '1', 'max-op-version': '100000' }, 22],
  ])('%s with %j: -1, errno %i', (key, versions, errno) => {
    expect(spec(key, versions as Record<string, string>)).toMatchObject({ ret: -1, errno, spec: '' });
  });
});

describe('calls that a management server does not take', () => {
  test.each([
    ['another program', { program: 1298437, version: 400, procedure: 1 }, 'no-program'],
    ['another version', { ...programs.handshake, version: 1, procedure: 2 }, 'no-version'],
    ['another procedure', { ...programs.portmap, procedure: 99 }, 'no-procedure'],
    ['no arguments', procedures.getSpec, 'garbage'],
  ])('%s', (_, procedure, refused) => {
    expect(answerManagement({ ...procedure, arguments: new XdrReader(new Uint8Array(0)) }, volumes)).toEqual({
      refused,
    });
  });

  test('a dict that is none', () => {
    const dict = Uint8Array.of(0, 0, 0, 9, 1, 2, 3);
    expect(ask(procedures.getVolumeInfo, getVolumeInfoRequest, { dict })).toEqual({ refused: 'garbage' });
  });
});

test('DUMP names the programs', () => {
  const answer = answerManagement(
    { ...procedures.dump, arguments: new XdrReader(new Uint8Array(8)) },
    volumes,
  );
  const { ret, programs: named } = dumpReply.decode(new XdrReader((answer as { result: Uint8Array }).result));
  expect(ret).toBe(0);
  expect(named.map(({ number, version }) => [Number(number), Number(version)])).toEqual(
    [programs.dump, programs.portmap, programs.handshake].map(({ program, version }) => [program, version]),
  );
});

test('PORTBYBRICK has no errno for a brick that nobody knows', () => {
  const answer = ask(procedures.portByBrick, portByBrickRequest, { brick: '/elsewhere' });
  expect(Buffer.from((answer as { result: Uint8Array }).result).toString('hex')).toBe(
    'ffffffff000000000000000000000000',
  );
});
