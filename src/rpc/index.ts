export type { BulkLayout, Call, Lane } from './call.ts';
export { Connection, type ConnectionOptions } from './connection.ts';
export {
  AuthFlavor,
  authNone,
  decodeCredential,
  encodeCredential,
  type Identity,
  maxGroups,
  withStamp,
} from './credentials.ts';
export type { Procedure, ServerCall } from './message.ts';
export type { Answer, Refusal } from './reply.ts';
export { type ListenEndpoint, RpcServer, type RpcServerOptions } from './server.ts';
export type {
  ConnectionLimits,
  Dispatch,
  IncomingCall,
  Peer,
  ServerConnection,
} from './server-connection.ts';
export { describeEndpoint, type Endpoint, type TlsOptions } from './transport.ts';
