/** What changed, as bits of `flags` of an invalidation (UP_* of the bricks, GFAPI_UP_* of libgfapi). */
export const UpcallFlag = {
  NLINK: 0x1,
  MODE: 0x2,
  OWNER: 0x4,
  SIZE: 0x8,
  TIMES: 0x10,
  ATIME: 0x20,
  PERMISSIONS: 0x40,
  RENAME: 0x80,
  FORGET: 0x100,
  PARENT_TIMES: 0x200,
  XATTR: 0x400,
  XATTR_REMOVED: 0x800,
} as const;
