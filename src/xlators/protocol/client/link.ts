import type { GlfsError } from '../../../errors.ts';
import type { Dialect } from '../../../protocol/dialect.ts';
import type { Connection } from '../../../rpc/index.ts';

/** One life of a brick's connection: fd numbers and locks belong to it and end with it. */
export interface Link {
  readonly connection: Connection;
  readonly dialect: Dialect;
  /** UUID of the brick's volume. */
  readonly volumeId?: string;
}

/** Whether an error means that the link is gone, rather than that the brick answered ENOTCONN. */
export function linkIsLost(link: Link, error: GlfsError): boolean {
  return error.code === 'ENOTCONN' && !link.connection.open;
}
