import { GlfsError } from '../../../errors.ts';
import type { Part } from './fops.ts';

export const access: Part<'access'> = () => Promise.reject(new GlfsError('EOPNOTSUPP'));
export const fgetxattr: Part<'fgetxattr'> = () => Promise.reject(new GlfsError('EOPNOTSUPP'));
export const fstat: Part<'fstat'> = () => Promise.reject(new GlfsError('EOPNOTSUPP'));
export const getxattr: Part<'getxattr'> = () => Promise.reject(new GlfsError('EOPNOTSUPP'));
export const rchecksum: Part<'rchecksum'> = () => Promise.reject(new GlfsError('EOPNOTSUPP'));
export const read: Part<'read'> = () => Promise.reject(new GlfsError('EOPNOTSUPP'));
export const readlink: Part<'readlink'> = () => Promise.reject(new GlfsError('EOPNOTSUPP'));
export const seek: Part<'seek'> = () => Promise.reject(new GlfsError('EOPNOTSUPP'));
export const stat: Part<'stat'> = () => Promise.reject(new GlfsError('EOPNOTSUPP'));
