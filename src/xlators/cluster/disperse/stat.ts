import { GlfsError } from '../../../errors.ts';
import type { Part } from './fops.ts';

export const stat: Part<'stat'> = () => Promise.reject(new GlfsError('EOPNOTSUPP'));
export const fstat: Part<'fstat'> = () => Promise.reject(new GlfsError('EOPNOTSUPP'));
export const access: Part<'access'> = () => Promise.reject(new GlfsError('EOPNOTSUPP'));
export const readlink: Part<'readlink'> = () => Promise.reject(new GlfsError('EOPNOTSUPP'));
