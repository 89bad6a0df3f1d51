import { afterAll, beforeAll, expect, test } from 'vitest';
import { GlfsError, isGlfsError } from '../../src/errors.ts';
import { dialect400 } from '../../src/protocol/dialect.ts';
import { fops } from '../../src/protocol/fops.ts';
import { authNone, Connection } from '../../src/rpc/index.ts';
import { readBulk } from '../../src/xlators/protocol/client/payload.ts';
import { decodeReply } from '../../src/xlators/protocol/client/wire.ts';
import { fopVectors } from '../protocol/wire-vectors.ts';
import { reply, ScriptedServer } from '../rpc/scripted-server.ts';
import { mutate, Random, seedOfRun } from './mutations.ts';
import { type Target, targets } from './targets.ts';

const TOTAL = 220_000;
const BATCHES = 10;
/** Decoding one record of a few hundred bytes takes microseconds; a busy machine takes its time in between. */
const LONGEST_MS = 2_000;
const MEMORY = 256 << 20;

const seed = seedOfRun();
const all = targets();
const weights = all.reduce((sum, { weight }) => sum + weight, 0);

interface Tally {
  decoded: number;
  refused: number;
}

/** Decodes one mutated input. Anything but a GlfsError is a failure, told with all that is needed to see it again. */
function decodeOne(target: Target, random: Random, tally: Tally): void {
  const index = random.below(target.inputs.length);
  const bytes = mutate(target.inputs[index]!, random, target.inputs);
  const start = performance.now();
  try {
    target.decode(bytes, index);
    tally.decoded++;
  } catch (error) {
    if (!isGlfsError(error)) {
      throw new Error(`seed ${seed}, ${target.name}, input ${index}: ${bytes.toString('hex')}`, {
        cause: error,
      });
    }
    tally.refused++;
  }
  const took = performance.now() - start;
  if (took > LONGEST_MS) {
    throw new Error(`seed ${seed}, ${target.name}, input ${index} took ${took} ms: ${bytes.toString('hex')}`);
  }
}

/** Every correct input still decodes: no mutation has left anything behind. */
function correctOnesDecode(): void {
  for (const target of all) {
    for (const [index, input] of target.inputs.entries()) {
      try {
        target.decode(input, index);
      } catch (error) {
        // Some of what real servers said was a refusal.
        if (!(error instanceof GlfsError) || (error.code === 'EPROTO' && !rejected(target, input))) {
          throw new Error(`${target.name}, correct input ${index}`, { cause: error });
        }
      }
    }
  }
}

/** Replies whose accept_stat says that the server could not take the call; volfiles that are kept because they don't parse. */
function rejected(target: Target, input: Buffer): boolean {
  return target.name === 'volfiles' || input.readUInt32BE(20) !== 0;
}

const stat = fopVectors().find(({ fop, dialect }) => fop === 'stat' && dialect === dialect400)!;
const read = fopVectors().find(({ fop, dialect }) => fop === 'read' && dialect === dialect400)!;

let server: ScriptedServer;
/** What the server answers to the next call instead of the correct reply; the socket ends behind it. */
let poison: Buffer | undefined;

beforeAll(async () => {
  server = await ScriptedServer.listen((call) => {
    const vector = call.procedure === fops.read.procedure ? read : stat;
    if (poison !== undefined) {
      const bytes = Buffer.from(poison);
      if (bytes.length >= 8) bytes.writeUInt32BE(call.xid, 4);
      call.socket.end(bytes);
    } else {
      call.socket.write(reply(call.xid, vector.reply.subarray(28)));
    }
  });
});
afterAll(() => server.close());

function statCall(connection: Connection): Promise<Record<string, unknown>> {
  return connection.call({
    procedure: { program: 1298437, version: 400, procedure: fops.stat.procedure },
    credential: authNone,
    arguments: new Uint8Array(0),
    lane: 'data',
    decode: (reader) => decodeReply(reader, stat.layout, dialect400, () => ({})),
  });
}

function readCall(connection: Connection, into: Uint8Array): Promise<Uint8Array> {
  return connection.call({
    procedure: { program: 1298437, version: 400, procedure: fops.read.procedure },
    credential: authNone,
    arguments: new Uint8Array(0),
    lane: 'data',
    bulk: readBulk(dialect400, into),
    replyLimit: 1 << 20,
    decode: (reader, bulk) => {
      decodeReply(reader, read.layout, dialect400, () => ({}));
      return bulk ?? new Uint8Array(0);
    },
  });
}

async function connected(): Promise<Connection> {
  return Connection.open({ endpoint: server.endpoint, onServerCall: () => undefined });
}

/** Some mutated replies through a real connection each: the calls settle, and nothing else comes out. */
async function throughConnections(random: Random, count: number): Promise<void> {
  const inputs = [stat.reply, read.reply];
  for (let round = 0; round < count; round++) {
    const connection = await connected();
    const memory = Buffer.alloc(4096);
    poison = mutate(random.pick(inputs), random, inputs);
    const results = await Promise.allSettled([statCall(connection), readCall(connection, memory)]);
    poison = undefined;
    for (const result of results) {
      if (result.status === 'rejected' && !isGlfsError(result.reason)) {
        throw new Error(`seed ${seed}, connection`, { cause: result.reason });
      }
    }
    connection.destroy();
  }
  server.calls.length = 0;
}

test(`${TOTAL} mutated records and volfiles: only GlfsErrors, bounded time and memory, and then all is well`, async () => {
  const connection = await connected();
  const before = process.memoryUsage();
  const tallies = new Map(all.map(({ name }) => [name, { decoded: 0, refused: 0 }]));
  const random = new Random(seed);
  for (let batch = 0; batch < BATCHES; batch++) {
    for (const target of all) {
      const share = Math.ceil((TOTAL / BATCHES) * (target.weight / weights));
      for (let round = 0; round < share; round++) decodeOne(target, random, tallies.get(target.name)!);
    }
    await throughConnections(random, 40);
    correctOnesDecode();
    expect(await statCall(connection)).toHaveProperty('stat');
    const data = await readCall(connection, Buffer.alloc(4096));
    expect(data.length).toBeGreaterThan(0);
    const now = process.memoryUsage();
    expect(now.arrayBuffers - before.arrayBuffers).toBeLessThan(MEMORY);
    expect(now.heapUsed - before.heapUsed).toBeLessThan(MEMORY);
  }
  connection.destroy();
  let sum = 0;
  for (const [name, { decoded, refused }] of tallies) {
    sum += decoded + refused;
    console.log(`fuzz: ${name}: ${decoded} decoded, ${refused} refused`);
    // Mutations that never matter, or that never decode, would prove nothing.
    expect(refused).toBeGreaterThan(100);
    expect(decoded).toBeGreaterThan(10);
  }
  expect(sum).toBeGreaterThanOrEqual(200_000);
}, 120_000);
