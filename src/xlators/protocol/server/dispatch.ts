import { errnoByCode } from '../../../errors.ts';
import type { OptionValues } from '../../../graph/index.ts';
import type { Logger } from '../../../logger.ts';
import { FOP_PROGRAM } from '../../../protocol/fops.ts';
import {
  dumpReply,
  dumpRequest,
  getSpecReply,
  getSpecRequest,
  programs,
} from '../../../protocol/handshake.ts';
import type { Answer, IncomingCall, ServerConnection } from '../../../rpc/index.ts';
import { i32, opaque, string, struct, type Xdr, XdrWriter } from '../../../xdr/index.ts';
import type { Clients } from './clients.ts';
import { type FileProgram, filePrograms } from './file-program.ts';
import type { Handshake } from './handshake.ts';
import type { options } from './options.ts';

/* gf_common_rsp: i32 ret, i32 errno, opaque xdata<> */
const commonReply = struct({ ret: i32, errno: i32, xdata: opaque(0) });
/* gf_set_lk_ver_req: string uid, i32 lk_ver. gf_set_lk_ver_rsp: i32 ret, i32 errno, i32 lk_ver */
const lockVersionRequest = struct({ uid: string(4096), version: i32 });
const lockVersionReply = struct({ ret: i32, errno: i32, version: i32 });

const NO_BYTES = new Uint8Array(0);
const PRIVILEGED = 1024;

const offered = [
  ...filePrograms.map(({ name, number, version }) => ({ name, number, version })),
  { name: 'GF-DUMP', number: BigInt(programs.dump.program), version: BigInt(programs.dump.version) },
  {
    name: 'GlusterFS Handshake',
    number: BigInt(programs.handshake.program),
    version: BigInt(programs.handshake.version),
  },
];

function encoded<T>(schema: Xdr<T>, value: T): Answer {
  const writer = new XdrWriter(256);
  schema.encode(writer, value);
  return { result: writer.bytes };
}

const pong = encoded(commonReply, { ret: 0, errno: 0, xdata: NO_BYTES });

type Procedure = (call: IncomingCall, connection: ServerConnection) => Promise<Answer> | Answer;
type Procedures = Readonly<Record<number, Procedure>>;

interface Program {
  readonly version: number;
  readonly procedures: Procedures;
}

const dump: Procedures = {
  0: () => pong,
  1: (call) => {
    dumpRequest.decode(call.arguments);
    return encoded(dumpReply, { id: 0n, ret: 0, errno: 0, programs: offered });
  },
  2: () => pong,
};

function handshakeProcedures(handshake: Handshake): Procedures {
  return {
    0: () => pong,
    1: (call, connection) => handshake.answer(call, connection),
    // Volfiles are the managers' affair.
    2: (call) => {
      getSpecRequest.decode(call.arguments);
      const spec = 'a brick has no volfiles: ask its manager';
      return encoded(getSpecReply, { ret: -1, errno: errnoByCode.ENOSYS, spec, xdata: NO_BYTES });
    },
    3: () => pong,
    4: (call) => {
      const { version } = lockVersionRequest.decode(call.arguments);
      return encoded(lockVersionReply, { ret: 0, errno: 0, version });
    },
  };
}

/** Finds who answers a call, by program, version and procedure. */
export class Dispatcher {
  private readonly programs: ReadonlyMap<number, Program>;

  constructor(
    private readonly rules: OptionValues<typeof options>,
    private readonly clients: Clients,
    private readonly files: FileProgram,
    handshake: Handshake,
    private readonly log: Logger,
  ) {
    this.programs = new Map([
      [programs.dump.program, { version: programs.dump.version, procedures: dump }],
      [
        programs.handshake.program,
        { version: programs.handshake.version, procedures: handshakeProcedures(handshake) },
      ],
    ]);
  }

  async answer(call: IncomingCall, connection: ServerConnection): Promise<Answer> {
    if (!this.rules['rpc-auth-allow-insecure'] && connection.peer.port >= PRIVILEGED) return { denied: true };
    if (call.program === FOP_PROGRAM) return this.files.answer(call, this.clients.of(connection), connection);
    const program = this.programs.get(call.program);
    if (program === undefined) return { refused: 'no-program' };
    if (program.version !== call.version) {
      return { refused: 'no-version', versions: [program.version, program.version] };
    }
    const procedure = program.procedures[call.procedure];
    if (procedure === undefined) return { refused: 'no-procedure' };
    try {
      return await procedure(call, connection);
    } catch (err) {
      this.log.warn({ err, client: connection.peer.address }, 'a call could not be decoded');
      return { refused: 'garbage' };
    }
  }
}
