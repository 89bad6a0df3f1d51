import { type ErrnoCode, errnoByCode, GlfsError, toGlfsError } from '../../../errors.ts';
import { type CallContext, Inode, type OptionValues } from '../../../graph/index.ts';
import type { Logger } from '../../../logger.ts';
import { Dict, entryText } from '../../../protocol/dict.ts';
import { parseSerializedDict, serializeDict } from '../../../protocol/dict-serialized.ts';
import { FOP_PROGRAM } from '../../../protocol/fops.ts';
import type { Gfid } from '../../../protocol/gfid.ts';
import { setVolumeReply, setVolumeRequest } from '../../../protocol/handshake.ts';
import type { Answer, IncomingCall, ServerConnection } from '../../../rpc/index.ts';
import { XdrWriter } from '../../../xdr/index.ts';
import { authenticate, isOfPool } from './authenticate.ts';
import type { Clients } from './clients.ts';
import type { BrickExport } from './export.ts';
import type { options } from './options.ts';
import { checkEntryName } from './resolve.ts';

/** Why a client is not taken, as SETVOLUME's reply says it. */
class Refusal {
  constructor(
    readonly code: ErrnoCode,
    readonly words: string,
  ) {}
}

/** What real bricks say beside success. */
const ERRNO_OF_SUCCESS = errnoByCode.EINVAL;

/** It stands in every line that is logged of the client; GlusterFS's own have some 200 bytes. */
const LONGEST_ID = 1024;
/** Logins of one connection that may fail. */
const MOST_FAILURES = 3;
/** PATH_MAX: each part is looked up. */
const LONGEST_PATH = 4096;

/** Attaches clients to bricks: SETVOLUME. */
export class Handshake {
  private readonly failures = new WeakMap<ServerConnection, number>();
  private readonly processUuid = crypto.randomUUID();

  constructor(
    private readonly rules: OptionValues<typeof options>,
    private readonly exports: readonly BrickExport[],
    private readonly clients: Clients,
    private readonly log: Logger,
  ) {}

  /** @throws GlfsError EPROTO where the call doesn't decode. */
  async answer(call: IncomingCall, connection: ServerConnection): Promise<Answer> {
    const request = setVolumeRequest.decode(call.arguments);
    const said = new Dict();
    try {
      await this.attach(request.dict, connection, said);
      return answerOf(0, ERRNO_OF_SUCCESS, said);
    } catch (thrown) {
      const refusal = thrown instanceof Refusal ? thrown : undefined;
      if (refusal === undefined) this.log.error({ err: thrown }, 'SETVOLUME ended with an exception');
      const { code, words } = refusal ?? new Refusal('EIO', toGlfsError(thrown).message);
      this.log.warn({ client: connection.peer.address, code, reason: words }, 'a client was refused');
      said.setEntry('ERROR', { type: 'str', value: words });
      return answerOf(-1, errnoByCode[code], said);
    }
  }

  /** @throws Refusal */
  private async attach(bytes: Uint8Array, connection: ServerConnection, said: Dict): Promise<void> {
    const asked = textsOf(bytes);
    const subvolume = asked.get('remote-subvolume');
    if (subvolume === undefined) throw new Refusal('EINVAL', 'no remote-subvolume was given');
    const brick = this.exports.find((each) => each.answersTo(subvolume));
    if (brick !== undefined) {
      said.setEntry('child_up', { type: 'int', value: brick.isUp ? 1n : 0n });
      if (!brick.isUp) throw new Refusal('EAGAIN', 'the brick is not up yet');
    }
    const id = asked.get('process-uuid');
    if (id === undefined || id === '') throw new Refusal('EINVAL', 'no process-uuid was given');
    if (id.length > LONGEST_ID) throw new Refusal('EINVAL', 'a process-uuid of too many bytes');
    this.checkVolume(brick, asked.get('volume-id'), said);
    if (asked.get('fops-version') !== String(FOP_PROGRAM)) {
      throw new Refusal(
        'EINVAL',
        `version mismatch: fops-version is ${asked.get('fops-version') ?? 'not given'}`,
      );
    }
    const subdirectory = normalized(asked.get('subdir-mount'));
    if (subdirectory.length > LONGEST_PATH) throw new Refusal('EINVAL', 'a subdir-mount of too many bytes');
    const credentials = {
      subvolume,
      username: asked.get('username'),
      password: asked.get('password'),
      subdirectory,
      peer: connection.peer,
    };
    if (brick === undefined) throw new Refusal('ENOENT', `there is no brick ${subvolume}`);
    const allowed = authenticate(this.rules, credentials);
    if (!allowed) this.failed(connection);
    if (!allowed) throw new Refusal('EACCES', 'authentication failed');
    const rootGfid = await this.firstLookup(brick, subdirectory);
    if (!connection.open) throw new Refusal('ENOTCONN', 'the connection has ended');
    const ofPool = isOfPool(this.rules, credentials);
    const client = this.clients.attach(connection, { id, export: brick, subdirectory, ofPool });
    client.rootGfid = rootGfid;
    connection.trust();
    this.log.info({ client: id, address: connection.peer.address, brick: brick.name }, 'a client attached');
    said.setEntry('transport-ptr', { type: 'uint', value: BigInt(connection.id) });
    said.setEntry('clnt-lk-version', { type: 'uint', value: 0n });
    said.setEntry('process-uuid', { type: 'str', value: this.processUuid });
    said.setEntry('ERROR', { type: 'str', value: 'Success' });
  }

  /** Whoever guesses has to connect again and again. */
  private failed(connection: ServerConnection): void {
    const failures = (this.failures.get(connection) ?? 0) + 1;
    this.failures.set(connection, failures);
    // Behind the answer.
    if (failures >= MOST_FAILURES)
      setImmediate(() => connection.destroy(new GlfsError('EACCES', 'too many failed logins')));
  }

  private checkVolume(brick: BrickExport | undefined, wanted: string | undefined, said: Dict): void {
    if (brick?.volumeId === undefined) return;
    if (wanted !== undefined && wanted.toLowerCase() !== brick.volumeId.toLowerCase()) {
      throw new Refusal('EINVAL', `the brick is of another volume: its volume-id is ${brick.volumeId}`);
    }
    said.setEntry('volume-id', { type: 'str', value: brick.volumeId });
  }

  /**
   * Looks the root up, so that translators know of it, and the directory that shall be the client's root.
   * @returns the gfid of the latter. @throws Refusal ENOENT
   */
  private async firstLookup(
    { subvolume, table }: BrickExport,
    subdirectory: string,
  ): Promise<Gfid | undefined> {
    const context: CallContext = { uid: 0, gid: 0, groups: [], pid: 0, lkOwner: new Uint8Array(8) };
    try {
      await subvolume.lookup({ loc: { inode: table.root }, flags: 0 }, context);
    } catch (err) {
      this.log.warn({ err, brick: subvolume.name }, 'the root of the brick could not be looked up');
    }
    if (subdirectory === '/') return undefined;
    let parent = table.root;
    try {
      for (const name of subdirectory.slice(1).split('/')) {
        checkEntryName(parent.gfid, name);
        const inode = new Inode();
        const { stat } = await subvolume.lookup({ loc: { inode, parent, name }, flags: 0 }, context);
        parent = table.linkEntry(parent, name, inode, stat);
        if (parent.type !== 'directory') throw new Refusal('ENOENT', `${name} is no directory`);
      }
    } catch (error) {
      this.log.debug({ err: error, subdirectory }, 'the directory of a client was not found');
      throw new Refusal('ENOENT', `subdirectory ${subdirectory} is not found`);
    }
    return parent.gfid;
  }
}

/** `/a//b/` is `/a/b`; nothing is `/`. */
function normalized(path: string | undefined): string {
  return `/${(path ?? '')
    .split('/')
    .filter((part) => part !== '')
    .join('/')}`;
}

/** @throws Refusal EINVAL */
function textsOf(bytes: Uint8Array): Map<string, string> {
  try {
    return new Map([...parseSerializedDict(bytes)].map(([key, entry]) => [key, entryText(entry)]));
  } catch {
    throw new Refusal('EINVAL', 'the dictionary of the request could not be read');
  }
}

function answerOf(ret: number, errno: number, dict: Dict): Answer {
  const writer = new XdrWriter(512);
  setVolumeReply.encode(writer, { ret, errno, dict: serializeDict(dict) });
  return { result: writer.bytes };
}
