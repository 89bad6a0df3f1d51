import { readFileSync } from 'node:fs';
import { type Dialect, dialect330, dialect400, type Layout } from '../../src/protocol/dialect.ts';
import { type FopName, fops, unsentFops } from '../../src/protocol/fops.ts';
import { readReplyHeader } from '../../src/rpc/message.ts';
import type { XdrReader } from '../../src/xdr/index.ts';

/** A call and its reply as a real 10.3 made them, each a whole record with its mark. */
export interface Vector {
  program?: number;
  proc: number;
  name: string;
  /** Which of several calls of the procedure. */
  case: string;
  request: Buffer;
  reply: Buffer;
}

export type AnyFop = FopName | keyof typeof unsentFops;

export function load(file: 'fops-v4' | 'fops-v4-cases' | 'fops-v330' | 'handshake' | 'callbacks'): Vector[] {
  const url = new URL(`../vectors/${file}.json`, import.meta.url);
  const raw = JSON.parse(readFileSync(url, 'utf8')) as Record<string, string | number>[];
  return raw.map((entry) => ({
    program: entry.program as number | undefined,
    proc: entry.proc as number,
    name: entry.name as string,
    case: `${entry.case ?? ''}`,
    request: Buffer.from(entry.request as string, 'hex'),
    reply: Buffer.from((entry.reply as string | undefined) ?? '', 'hex'),
  }));
}

/** A fop's vector with what is needed to read it. */
export interface FopVector extends Vector {
  title: string;
  dialect: Dialect;
  fop: AnyFop;
  layout: Layout;
}

const all = { ...fops, ...unsentFops };
const byProcedure = new Map(
  Object.entries(all).map(([name, { procedure }]) => [procedure as number, name as AnyFop]),
);

/** All calls of the file program whose procedure is in the table. */
export function fopVectors(): FopVector[] {
  const sets = [
    ...load('fops-v4').map((vector) => ({ vector, dialect: dialect400 })),
    ...load('fops-v4-cases').map((vector) => ({ vector, dialect: dialect400 })),
    ...load('fops-v330').map((vector) => ({ vector, dialect: dialect330 })),
  ];
  return sets.flatMap(({ vector, dialect }) => {
    const fop = byProcedure.get(vector.proc);
    const layout = fop === undefined ? undefined : dialect.layout(fop);
    if (fop === undefined || layout === undefined) return [];
    return [{ ...vector, title: `${dialect.version} ${vector.name} ${vector.case}`, dialect, fop, layout }];
  });
}

/** The parts of a call: header without mark, credential with flavor and length, arguments. */
export function callParts(record: Buffer): { credential: Buffer; body: Buffer; words: number[] } {
  const length = record.readUInt32BE(32);
  const end = 36 + length + (-length & 3);
  const verifier = record.readUInt32BE(end + 4);
  return {
    words: [1, 2, 3, 4, 5, 6].map((index) => record.readUInt32BE(index * 4)),
    credential: record.subarray(28, 36 + length),
    body: record.subarray(end + 8 + verifier),
  };
}

/** The result of an accepted reply. @throws GlfsError where the server rejected the call. */
export function resultOf(record: Buffer): XdrReader {
  return readReplyHeader(record.subarray(4));
}
