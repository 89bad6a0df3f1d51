/**
 * A client as the translators of a brick see it: all connections that bear one process-uuid. Its locks, leases and open
 * fds live until the last of them has ended. The object itself is its identity: use it as a key of Maps.
 */
export interface Client {
  /** Its process-uuid. */
  readonly id: string;
  /** Address of its first connection, for messages. */
  readonly address: string;
}
