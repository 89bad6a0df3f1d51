import { GlfsError } from '../../../errors.ts';
import type { Part } from './fops.ts';

export const read: Part<'read'> = () => Promise.reject(new GlfsError('EOPNOTSUPP'));
export const rchecksum: Part<'rchecksum'> = () => Promise.reject(new GlfsError('EOPNOTSUPP'));
export const seek: Part<'seek'> = () => Promise.reject(new GlfsError('EOPNOTSUPP'));
