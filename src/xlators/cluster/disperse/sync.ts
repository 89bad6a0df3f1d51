import { GlfsError } from '../../../errors.ts';
import type { Part } from './fops.ts';

export const fsync: Part<'fsync'> = () => Promise.reject(new GlfsError('EOPNOTSUPP'));
export const flush: Part<'flush'> = () => Promise.reject(new GlfsError('EOPNOTSUPP'));
export const fsyncdir: Part<'fsyncdir'> = () => Promise.reject(new GlfsError('EOPNOTSUPP'));
