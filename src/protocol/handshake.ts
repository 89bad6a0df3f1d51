import { i32, list, opaque, string, struct, u32, u64 } from '../xdr/index.ts';

/** Programs beside the file program. */
export const programs = {
  dump: { program: 123451501, version: 1 },
  handshake: { program: 14398633, version: 2 },
  portmap: { program: 34123456, version: 1 },
  callback: { program: 52743234, version: 1 },
} as const;

export const procedures = {
  dump: { ...programs.dump, procedure: 1 },
  ping: { ...programs.handshake, procedure: 3 },
  setVolume: { ...programs.handshake, procedure: 1 },
  getSpec: { ...programs.handshake, procedure: 2 },
  getVolumeInfo: { ...programs.handshake, procedure: 6 },
  portByBrick: { ...programs.portmap, procedure: 1 },
} as const;

/** Calls that servers make to us. */
export const CallbackProcedure = {
  FETCH_SPEC: 1,
  EVENT_NOTIFY: 3,
  CACHE_INVALIDATION: 5,
  CHILD_UP: 6,
  CHILD_DOWN: 7,
  RECALL_LEASE: 8,
  STATEDUMP: 9,
  INODELK_CONTENTION: 10,
  ENTRYLK_CONTENTION: 11,
} as const;

const MAX_DICT = 1 << 20;
const MAX_VOLFILE = 16 << 20;

/* gf_dump_req: u64 gfs_id. gf_dump_rsp: u64 gfs_id, i32 ret, i32 errno, list of { string name, u64 number, u64 version } */
export const dumpRequest = struct({ id: u64 });
export const dumpReply = struct({
  id: u64,
  ret: i32,
  errno: i32,
  programs: list(struct({ name: string(1024), number: u64, version: u64 }), 1024),
});

/* gf_setvolume_req: opaque dict<>. gf_setvolume_rsp: i32 ret, i32 errno (22 on success: only ret counts), opaque dict<> */
export const setVolumeRequest = struct({ dict: opaque(MAX_DICT) });
export const setVolumeReply = struct({ ret: i32, errno: i32, dict: opaque(MAX_DICT) });

/* gf_getspec_req: u32 flags, string key, opaque xdata<>. gf_getspec_rsp: i32 ret (length of spec), i32 errno, string spec, opaque xdata<> */
export const getSpecRequest = struct({ flags: u32, key: string(4096), xdata: opaque(MAX_DICT) });
export const getSpecReply = struct({
  ret: i32,
  errno: i32,
  spec: string(MAX_VOLFILE),
  xdata: opaque(MAX_DICT),
});

/* gf_get_volume_info_req: opaque dict<>. rsp: i32 ret, i32 errno, string errstr, opaque dict<> */
export const getVolumeInfoRequest = struct({ dict: opaque(MAX_DICT) });
export const getVolumeInfoReply = struct({
  ret: i32,
  errno: i32,
  message: string(4096),
  dict: opaque(MAX_DICT),
});

/* pmap_port_by_brick_req: string brick. rsp: i32 ret, i32 errno, i32 status, i32 port */
export const portByBrickRequest = struct({ brick: string(4096) });
export const portByBrickReply = struct({ ret: i32, errno: i32, status: i32, port: i32 });
