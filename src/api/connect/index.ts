export {
  type ConnectOptions,
  connect,
  type FromVolfileOptions,
  fromVolfile,
  type VolumeOptions,
} from './connect.ts';
export { type FromBricksOptions, fromBricks } from './from-bricks.ts';
export { sharedResources } from './shared.ts';
export { parseVolumeUrl, type VolfileServer, type VolumeAddress } from './url.ts';
