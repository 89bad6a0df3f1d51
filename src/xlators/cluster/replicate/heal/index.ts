import type { CallContext, Inode } from '../../../../graph/index.ts';
import type { Gfid } from '../../../../protocol/gfid.ts';
import type { ReplicateState } from '../state.ts';
import type { HealResult, SplitBrainPolicy } from './session.ts';

/** What is wrong with one file, by kind. */
export interface Ailment {
  readonly pending: boolean;
  readonly splitBrain: boolean;
}

/** What the copies of a file say of each other: one line of `heal info`. */
export interface Diagnosis {
  readonly gfid: Gfid;
  readonly data: Ailment;
  readonly metadata: Ailment;
  readonly entry: Ailment;
  /** Somebody may be changing or healing it at this moment. */
  readonly busy: boolean;
}

export type { HealResult, HealStatus, SplitBrainPolicy } from './session.ts';

/** What the copies say of each other, without changing anything. @throws GlfsError as lookup of the gfid does */
export function diagnose(_state: ReplicateState, _gfid: Gfid, _context: CallContext): Promise<Diagnosis> {
  return Promise.reject(new Error('not built yet'));
}

/** Heals attributes, data and entries of one file, whatever it needs. Never rejects for what is wrong with the file. */
export function healFile(
  _state: ReplicateState,
  _gfid: Gfid,
  _context: CallContext,
  _policy?: SplitBrainPolicy,
): Promise<HealResult> {
  return Promise.reject(new Error('not built yet'));
}

/** A lookup or a read came upon copies that accuse each other: heals it in the background where options say so. */
export function suspect(_state: ReplicateState, _inode: Inode): void {}
