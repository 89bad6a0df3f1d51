import { GlfsError } from '../../../errors.ts';
import type { Part } from './fops.ts';

export const discard: Part<'discard'> = () => Promise.reject(new GlfsError('EOPNOTSUPP'));
export const fallocate: Part<'fallocate'> = () => Promise.reject(new GlfsError('EOPNOTSUPP'));
export const fsync: Part<'fsync'> = () => Promise.reject(new GlfsError('EOPNOTSUPP'));
export const ftruncate: Part<'ftruncate'> = () => Promise.reject(new GlfsError('EOPNOTSUPP'));
export const truncate: Part<'truncate'> = () => Promise.reject(new GlfsError('EOPNOTSUPP'));
export const write: Part<'write'> = () => Promise.reject(new GlfsError('EOPNOTSUPP'));
export const zerofill: Part<'zerofill'> = () => Promise.reject(new GlfsError('EOPNOTSUPP'));
