/* "Attributes" by which administrators see and settle split-brain through any client. */

/** GETXATTR: whether the file is in split-brain, and the names of its copies. */
export const STATUS = 'replica.split-brain-status';
/** SETXATTR: name of the subvolume whose copy this client shall read, or `none`. */
export const CHOICE = 'replica.split-brain-choice';
/** SETXATTR, on any file: minutes for which choices hold. */
export const CHOICE_TIMEOUT = 'replica.split-brain-choice-timeout';
/** SETXATTR: name of the subvolume whose copy becomes that of all others. */
export const FINALIZE = 'replica.split-brain-heal-finalize';
