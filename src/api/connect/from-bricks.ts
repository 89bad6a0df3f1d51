import { GlfsError } from '../../errors.ts';
import type { Volume } from '../volume.ts';
import type { VolumeOptions } from './connect.ts';

/* being written */
export function fromBricks(_directories: readonly string[], _options: VolumeOptions = {}): Promise<Volume> {
  return Promise.reject(new GlfsError('EOPNOTSUPP'));
}
