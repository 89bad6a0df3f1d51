import { errnoByCode, GlfsError } from '../errors.ts';
import { Dict, entryInteger, entryText } from '../protocol/dict.ts';
import { parseSerializedDict, serializeDict } from '../protocol/dict-serialized.ts';
import {
  dumpReply,
  dumpRequest,
  getSpecReply,
  getSpecRequest,
  getVolumeInfoReply,
  getVolumeInfoRequest,
  portByBrickReply,
  portByBrickRequest,
  procedures,
  programs,
} from '../protocol/handshake.ts';
import type { Answer, Procedure } from '../rpc/index.ts';
import { i32, opaque, struct, type Xdr, XdrReader, XdrWriter } from '../xdr/index.ts';

/** What the management server tells of. */
export interface ManagedVolumes {
  /** The volfile behind a key: a volume's name (client volfile), or the id of a brick's. */
  volfile(key: string): string | undefined;
  /** UUID. */
  volumeId(volume: string): string | undefined;
  /** Port of the brick with that directory, while it is up. */
  port(directory: string): number | undefined;
}

/** A client must know at least GlusterFS 7: what the volfiles here say is understood since then. */
const OP_VERSION = 70000n;
const LONGEST_KEY = 255;
const UUID_FLAG = 1n;
const EMPTY = new Uint8Array(0);

/* gf_event_notify_req: i32 op, opaque dict<>. gf_event_notify_rsp: i32 ret, i32 errno, opaque dict<> */
const dictOf = opaque(1 << 20);
const eventNotifyRequest = struct({ operation: i32, dict: dictOf });
const smallReply = struct({ ret: i32, errno: i32, dict: dictOf });

type Handler = (reader: XdrReader, volumes: ManagedVolumes) => Uint8Array;

function handler<Q, P>(
  request: Xdr<Q>,
  reply: Xdr<P>,
  answer: (request: Q, volumes: ManagedVolumes) => P,
): Handler {
  return (reader, volumes) => {
    const writer = new XdrWriter(512);
    reply.encode(writer, answer(request.decode(reader), volumes));
    return writer.bytes;
  };
}

const offered = [
  { name: 'GF-DUMP', ...programs.dump },
  { name: 'Gluster Portmap', ...programs.portmap },
  { name: 'Gluster Handshake', ...programs.handshake },
];

const key = ({ program, procedure }: Pick<Procedure, 'program' | 'procedure'>): string =>
  `${program}.${procedure}`;

const handlers: Readonly<Record<string, Handler>> = {
  [key(procedures.dump)]: handler(dumpRequest, dumpReply, () => ({
    id: 0n,
    ret: 0,
    errno: 0,
    programs: offered.map(({ name, program, version }) => ({
      name,
      number: BigInt(program),
      version: BigInt(version),
    })),
  })),
  [key({ ...programs.dump, procedure: 2 })]: handler(struct({}), smallReply, () => ({
    ret: 0,
    errno: 0,
    dict: EMPTY,
  })),
  [key(procedures.getSpec)]: handler(getSpecRequest, getSpecReply, getSpec),
  [key(procedures.getVolumeInfo)]: handler(getVolumeInfoRequest, getVolumeInfoReply, getVolumeInfo),
  // There are no events that anybody here would pass on.
  [key({ ...programs.handshake, procedure: 5 })]: handler(eventNotifyRequest, smallReply, () => ({
    ret: 0,
    errno: 0,
    dict: EMPTY,
  })),
  /* gf_getsnap_name_uuid_req and rsp: as GET_VOLUME_INFO's. There are no snapshots. */
  [key({ ...programs.handshake, procedure: 7 })]: handler(getVolumeInfoRequest, getVolumeInfoReply, () => ({
    ret: 0,
    errno: errnoByCode.ENOENT,
    message: '',
    dict: serializeDict(new Dict().setEntry('snap-count', { type: 'int', value: 0n })),
  })),
  [key(procedures.portByBrick)]: handler(portByBrickRequest, portByBrickReply, ({ brick }, volumes) => {
    const port = volumes.port(brick) ?? 0;
    return { ret: port === 0 ? -1 : 0, errno: 0, status: 0, port };
  }),
};

/** What a management server answers to a call; arguments that don't decode are garbage, as for any server. */
export function answerManagement(
  call: Procedure & { readonly arguments: XdrReader },
  volumes: ManagedVolumes,
): Answer {
  const program = offered.find((one) => one.program === call.program);
  if (program === undefined) return { refused: 'no-program' };
  if (program.version !== call.version) return { refused: 'no-version' };
  const answer = Object.hasOwn(handlers, key(call)) ? handlers[key(call)] : undefined;
  if (answer === undefined) return { refused: 'no-procedure' };
  try {
    return { result: answer(call.arguments, volumes) };
  } catch (error) {
    return { refused: error instanceof GlfsError && error.code === 'EPROTO' ? 'garbage' : 'system-error' };
  }
}

/** Whether a call got a volfile: what clients of GlusterFS begin with, and whoever strays in does not. GETSPEC's answer begins with ret. */
export function gaveVolfile(call: Procedure, answer: Answer): boolean {
  if (!('result' in answer) || key(call) !== key(procedures.getSpec)) return false;
  return new XdrReader(answer.result).i32() >= 0;
}

interface GetSpec {
  readonly key: string;
  readonly xdata: Uint8Array;
}

/** ret is the length of the volfile in bytes; a failure has -1 and an errno. */
function getSpec(
  { key: asked, xdata }: GetSpec,
  volumes: ManagedVolumes,
): { ret: number; errno: number; spec: string; xdata: Uint8Array } {
  const failed = (code: 'EINVAL' | 'ENOENT' | 'EOPNOTSUPP') => ({
    ret: -1,
    errno: errnoByCode[code],
    spec: '',
    xdata: EMPTY,
  });
  if (Buffer.byteLength(asked) >= LONGEST_KEY) return failed('EINVAL');
  const name = asked.replace(/^\//, '');
  const range = opVersions(xdata);
  if (range === undefined) return failed('ENOENT');
  const isVolume = volumes.volumeId(name) !== undefined;
  if (isVolume && (range.min > OP_VERSION || range.max < OP_VERSION)) return failed('EOPNOTSUPP');
  const spec = volumes.volfile(name);
  if (spec === undefined) return failed('ENOENT');
  return { ret: Buffer.byteLength(spec), errno: 0, spec, xdata: EMPTY };
}

/** A client that says nothing knows version 1 alone; one that says half of it is refused. */
function opVersions(xdata: Uint8Array): { min: bigint; max: bigint } | undefined {
  if (xdata.length === 0) return { min: 1n, max: 1n };
  const dict = parseSerializedDict(xdata);
  const [min, max] = ['min-op-version', 'max-op-version'].map((name) => dict.entry(name));
  return min === undefined || max === undefined
    ? undefined
    : { min: entryInteger(min), max: entryInteger(max) };
}

/** errno is ENOENT where all is well, as glusterd has it: only ret counts. */
function getVolumeInfo(
  { dict: bytes }: { readonly dict: Uint8Array },
  volumes: ManagedVolumes,
): { ret: number; errno: number; message: string; dict: Uint8Array } {
  const answer = (ret: number, errno: number, dict: Uint8Array = EMPTY) => ({
    ret,
    errno,
    message: '',
    dict,
  });
  const asked = parseSerializedDict(bytes);
  const [flags, name] = [asked.entry('flags'), asked.entry('volname')];
  if (flags === undefined) return answer(-1, errnoByCode.ENOENT);
  if (entryInteger(flags) === 0n) return answer(0, errnoByCode.ENOENT);
  const id = name === undefined ? undefined : volumes.volumeId(entryText(name));
  if (id === undefined) return answer(-1, errnoByCode.EINVAL);
  const dict = new Dict();
  if ((entryInteger(flags) & UUID_FLAG) !== 0n) dict.setEntry('volume_id', { type: 'str', value: id });
  return answer(0, errnoByCode.ENOENT, serializeDict(dict));
}
