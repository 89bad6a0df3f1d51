import { expect, test } from 'vitest';
import { isGlfsError } from '../../../../src/errors.ts';
import { Fd, type Loc, readOptions } from '../../../../src/graph/index.ts';
import { fopNames, fops } from '../../../../src/protocol/fops.ts';
import { newGfid, ROOT_GFID } from '../../../../src/protocol/gfid.ts';
import {
  type Answer,
  decodeCredential,
  type IncomingCall,
  type ServerConnection,
} from '../../../../src/rpc/index.ts';
import { readCall } from '../../../../src/rpc/message.ts';
import { XdrReader } from '../../../../src/xdr/index.ts';
import { Clients } from '../../../../src/xlators/protocol/server/clients.ts';
import { Dispatcher } from '../../../../src/xlators/protocol/server/dispatch.ts';
import { BrickExport } from '../../../../src/xlators/protocol/server/export.ts';
import { OpenFd } from '../../../../src/xlators/protocol/server/fd-table.ts';
import { FileProgram } from '../../../../src/xlators/protocol/server/file-program.ts';
import { HostGroups } from '../../../../src/xlators/protocol/server/groups.ts';
import { Handshake } from '../../../../src/xlators/protocol/server/handshake.ts';
import { Identities } from '../../../../src/xlators/protocol/server/identity.ts';
import { options } from '../../../../src/xlators/protocol/server/options.ts';
import { mutate, Random, seedOfRun } from '../../../fuzz/mutations.ts';
import { directoryStat, RecordingChild, recordingEnvironment } from '../../../helpers/recording-child.ts';
import { fopVectors, load } from '../../../protocol/wire-vectors.ts';
import { BRICK, openToAll } from './served.ts';

const TOTAL = 20_000;
const MEMORY = 256 << 20;
const seed = seedOfRun();

/** A brick on which every directory is there, and that answers everything at once with next to nothing. */
function agreeable(): RecordingChild {
  const child = new RecordingChild(BRICK);
  for (const fop of fopNames) {
    const zeros = fops[fop].reply.decode(new XdrReader(new Uint8Array(1024)));
    const more = { entries: [], data: new Uint8Array(0), eof: true };
    child.answer(fop, (request) => {
      const { inode } = (request as { loc?: Loc }).loc ?? {};
      return { ...zeros, ...more, stat: directoryStat(inode?.known ? inode.gfid : newGfid()) } as never;
    });
  }
  return child;
}

/** A server without sockets, to which one connection is attached. */
function served() {
  const environment = recordingEnvironment();
  const rules = readOptions(options, new Map(Object.entries(openToAll)), 'server', () => {});
  const brick = new BrickExport(agreeable().subvolume, { limit: 1000 });
  brick.isUp = true;
  const clients = new Clients(environment.logger);
  const files = new FileProgram(
    new Identities(rules, new HostGroups(0, environment.logger)),
    environment.logger,
  );
  const handshake = new Handshake(rules, [brick], clients, environment.logger);
  const dispatcher = new Dispatcher(rules, clients, files, handshake, environment.logger);
  const peer = { address: '127.0.0.1:1000', host: '127.0.0.1', port: 1000 };
  const connection = { id: 1, open: true, peer, trust: () => {} } as unknown as ServerConnection;
  const client = clients.attach(connection, { id: 'fuzz', export: brick, subdirectory: '/', ofPool: false });
  for (let count = 0; count < 4; count++)
    client.fds.add(new OpenFd(new Fd(brick.table.root, 2), brick.table.root));
  return { dispatcher, connection, lines: environment.lines, brick };
}

/** What the connection does with a record. `undefined` where it would end for it. */
function incoming(record: Buffer): IncomingCall | 'denied' | undefined {
  let call: ReturnType<typeof readCall>;
  try {
    call = readCall(record);
  } catch (error) {
    if (isGlfsError(error)) return undefined;
    throw error;
  }
  try {
    return {
      ...call,
      identity: decodeCredential(call.flavor, call.credential),
      uncounted: () => {},
      room: async () => () => {},
    };
  } catch (error) {
    if (isGlfsError(error)) return 'denied';
    throw error;
  }
}

/** A correct header, and arguments that begin with the gfid of a directory that is there, or with what they began with. */
function withMutatedBody(record: Buffer, random: Random, others: readonly Buffer[]): Buffer {
  const { position } = readCall(record).arguments;
  const body = Buffer.from(mutate(record.subarray(position), random, others));
  if (random.below(3) > 0) body.set(ROOT_GFID.subarray(0, body.length));
  return Buffer.concat([record.subarray(0, position), body]);
}

test('mutated records of real clients: refused or answered, whatever they say', async () => {
  const inputs = [
    ...fopVectors().map(({ request }) => request.subarray(4)),
    ...load('handshake').map(({ request }) => request.subarray(4)),
  ];
  const random = new Random(seed);
  const tally = { ended: 0, denied: 0, refused: 0, answered: 0 };
  const server = served();
  let peak = 0;
  for (let count = 0; count < TOTAL; count++) {
    const input = random.pick(inputs);
    const record =
      random.below(2) === 0 ? mutate(input, random, inputs) : withMutatedBody(input, random, inputs);
    const call = incoming(record);
    if (call === undefined) tally.ended++;
    else if (call === 'denied') tally.denied++;
    else {
      const answer = await answerOf(server, call, record);
      if ('refused' in answer) tally.refused++;
      else tally.answered++;
    }
    if (count % 500 === 0) peak = Math.max(peak, process.memoryUsage().arrayBuffers);
  }
  expect(peak).toBeLessThan(MEMORY);
  // All outcomes were met, and the server is none the worse.
  for (const [outcome, times] of Object.entries(tally)) expect(times, outcome).toBeGreaterThan(TOTAL / 200);
  for (const { request } of fopVectors().filter(({ fop }) => fop === 'statfs')) {
    const record = request.subarray(4);
    expect(await answerOf(server, incoming(record) as IncomingCall, record)).toHaveProperty('result');
  }
}, 60_000);

async function answerOf(
  { dispatcher, connection, lines }: ReturnType<typeof served>,
  call: IncomingCall,
  record: Buffer,
): Promise<Answer> {
  const told = `seed ${seed}: ${record.toString('hex')}`;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('no answer')), 5_000);
  });
  try {
    const answer = await Promise.race([dispatcher.answer(call, connection), late]);
    const bug = lines.find(({ level }) => level === 'error');
    if (bug !== undefined) throw new Error(`${bug.message}, ${told}`, { cause: bug.details.err });
    (lines as unknown[]).length = 0;
    return answer;
  } catch (cause) {
    throw new Error(told, { cause });
  } finally {
    clearTimeout(timer);
  }
}
