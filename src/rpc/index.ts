export type { BulkLayout, Call, Lane } from './call.ts';
export { Connection, type ConnectionOptions } from './connection.ts';
export {
  AuthFlavor,
  authNone,
  encodeCredential,
  type Identity,
  maxGroups,
  withStamp,
} from './credentials.ts';
export type { Procedure, ServerCall } from './message.ts';
export { describeEndpoint, type Endpoint, type TlsOptions } from './transport.ts';
