import type { XdrReader } from '../xdr/index.ts';
import type { Identity } from './credentials.ts';
import type { Procedure } from './message.ts';

/** A call that came in over a connection. */
export interface IncomingCall extends Procedure {
  readonly xid: number;
  /** Who calls, as its credential says; `undefined` for AUTH_NONE. */
  readonly identity: Identity | undefined;
  /** The arguments, and raw data behind them where there are any; in memory of the call's own, that stays. */
  readonly arguments: XdrReader;
}

/** What becomes of a call. */
export type Answer =
  /** Encoded results, and raw bytes that follow them. */
  | { readonly result: Uint8Array; readonly payload?: readonly Uint8Array[] }
  /** accept_stat of RFC 5531. */
  | { readonly refused: 'no-program' | 'no-version' | 'no-procedure' | 'garbage' | 'system-error' }
  /** reply_stat denied: AUTH_ERROR. */
  | { readonly denied: true };
