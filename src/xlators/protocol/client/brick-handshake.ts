import { hostname } from 'node:os';
import { GlfsError } from '../../../errors.ts';
import { chooseDialect, type Dialect } from '../../../protocol/dialect.ts';
import { Dict, entryText } from '../../../protocol/dict.ts';
import { parseSerializedDict, serializeDict } from '../../../protocol/dict-serialized.ts';
import { FOP_PROGRAM } from '../../../protocol/fops.ts';
import {
  dumpReply,
  dumpRequest,
  procedures,
  setVolumeReply,
  setVolumeRequest,
} from '../../../protocol/handshake.ts';
import type { Procedure } from '../../../rpc/index.ts';
import { authNone, type Connection, encodeCredential } from '../../../rpc/index.ts';
import { type Xdr, XdrWriter } from '../../../xdr/index.ts';

/** What a brick must be told before it takes file operations. */
export interface Login {
  readonly subvolume: string;
  readonly username?: string;
  readonly password?: string;
  /** Unique per life of a connection: bricks share fds and locks among connections of one uuid. */
  readonly processUuid: string;
  readonly volumeId?: string;
  readonly subdirectory?: string;
  readonly highestVersion: number;
}

/** Makes one call outside the file program. */
export async function simpleCall<Q, P>(
  connection: Connection,
  procedure: Procedure,
  request: Xdr<Q>,
  reply: Xdr<P>,
  value: Q,
  options: { credential?: Uint8Array; signal?: AbortSignal; deadline?: number } = {},
): Promise<P> {
  const writer = new XdrWriter(512);
  request.encode(writer, value);
  return connection.call({
    procedure,
    credential: options.credential ?? authNone,
    arguments: writer.bytes,
    lane: 'control',
    signal: options.signal,
    deadline: options.deadline,
    decode: (reader) => {
      const decoded = reply.decode(reader);
      reader.finish();
      return decoded;
    },
  });
}

/** Identity of calls that no user makes. */
export function processCredential(flavor: 'v2' | 'v3'): Uint8Array {
  return encodeCredential(flavor, {
    pid: process.pid,
    uid: 0,
    gid: 0,
    groups: [],
    lkOwner: new Uint8Array([0, 0, 0, 0]),
  });
}

/** The same on every connection; libgfapi sends it too. */
const DUMP_ID = 0xcaedn;

/** What a brick says of itself once it has taken us. */
export interface Attached {
  readonly dialect: Dialect;
  /** UUID of its volume. */
  readonly volumeId?: string;
}

/**
 * Asks what the brick speaks and attaches to it.
 * @throws GlfsError EACCES for a wrong password, ENOENT where the brick does not have the subvolume, EAGAIN while it
 *   is starting, EPROTONOSUPPORT, EINVAL with the brick's own words for everything else.
 */
export async function attach(connection: Connection, login: Login, deadline: number): Promise<Attached> {
  const offered = await simpleCall(
    connection,
    procedures.dump,
    dumpRequest,
    dumpReply,
    { id: DUMP_ID },
    {
      credential: processCredential('v2'),
      deadline,
    },
  );
  const versions = offered.programs.filter((program) => program.number === BigInt(FOP_PROGRAM));
  const dialect = chooseDialect(
    versions.map((program) => Number(program.version)),
    login.highestVersion,
  );
  const request = { dict: serializeDict(loginDict(login)) };
  const reply = await simpleCall(
    connection,
    procedures.setVolume,
    setVolumeRequest,
    setVolumeReply,
    request,
    {
      credential: processCredential(dialect.version === 330 ? 'v2' : 'v3'),
      deadline,
    },
  );
  // errno is 22 on success: only ret counts.
  if (reply.ret < 0) throw refusal(reply.errno, reply.dict, login);
  const entry = parseSerializedDict(reply.dict).entry('volume-id');
  return { dialect, volumeId: entry === undefined ? undefined : entryText(entry) };
}

function loginDict(login: Login): Dict {
  const text: Record<string, string | undefined> = {
    'process-uuid': login.processUuid,
    'process-name': 'glfs',
    'client-version': 'glfs',
    'fops-version': String(FOP_PROGRAM),
    'remote-subvolume': login.subvolume,
    'clnt-lk-version': '1',
    opversion: '100000',
    username: login.username,
    password: login.password,
    'volume-id': login.volumeId,
    'subdir-mount': login.subdirectory,
  };
  const dict = new Dict();
  for (const [key, value] of Object.entries(text)) {
    if (value !== undefined) dict.setEntry(key, { type: 'str', value });
  }
  return dict;
}

function refusal(errno: number, bytes: Uint8Array, login: Login): GlfsError {
  const entry = parseSerializedDict(bytes).entry('ERROR');
  const words = entry === undefined ? '' : entryText(entry);
  const error = GlfsError.fromErrno(errno);
  const hint: Partial<Record<string, string>> = {
    EACCES: `login as ${login.username ?? '(no user)'} was refused`,
    ENOENT:
      login.subdirectory === undefined
        ? `the server has no brick ${login.subvolume}`
        : `the volume has no directory ${login.subdirectory}, or the server no brick ${login.subvolume}`,
  };
  return new GlfsError(error.code, [hint[error.code], words].filter(Boolean).join(': ') || error.reason);
}

let connections = 0;
const processId = crypto.randomUUID();

/** A process-uuid of GlusterFS's form that no other connection has or had. */
export function newProcessUuid(name: string): string {
  connections++;
  return `CTX_ID:${processId}-GRAPH_ID:0-PID:${process.pid}-HOST:${hostname()}-PC_NAME:glfs-${name}-RECON_NO:-${connections}`;
}
