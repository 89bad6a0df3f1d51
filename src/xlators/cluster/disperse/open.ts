import { GlfsError } from '../../../errors.ts';
import type { Part } from './fops.ts';

export const open: Part<'open'> = () => Promise.reject(new GlfsError('EOPNOTSUPP'));
export const opendir: Part<'opendir'> = () => Promise.reject(new GlfsError('EOPNOTSUPP'));
export const release: Part<'release'> = () => Promise.reject(new GlfsError('EOPNOTSUPP'));
export const releasedir: Part<'releasedir'> = () => Promise.reject(new GlfsError('EOPNOTSUPP'));
