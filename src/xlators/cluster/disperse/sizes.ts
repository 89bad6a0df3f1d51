import { GlfsError } from '../../../errors.ts';
import type { Part } from './fops.ts';

export const truncate: Part<'truncate'> = () => Promise.reject(new GlfsError('EOPNOTSUPP'));
export const ftruncate: Part<'ftruncate'> = () => Promise.reject(new GlfsError('EOPNOTSUPP'));
export const fallocate: Part<'fallocate'> = () => Promise.reject(new GlfsError('EOPNOTSUPP'));
export const discard: Part<'discard'> = () => Promise.reject(new GlfsError('EOPNOTSUPP'));
export const zerofill: Part<'zerofill'> = () => Promise.reject(new GlfsError('EOPNOTSUPP'));
