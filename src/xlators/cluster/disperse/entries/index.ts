import { GlfsError } from '../../../../errors.ts';
import type { Part } from '../fops.ts';

export const create: Part<'create'> = () => Promise.reject(new GlfsError('EOPNOTSUPP'));
export const mkdir: Part<'mkdir'> = () => Promise.reject(new GlfsError('EOPNOTSUPP'));
export const mknod: Part<'mknod'> = () => Promise.reject(new GlfsError('EOPNOTSUPP'));
export const symlink: Part<'symlink'> = () => Promise.reject(new GlfsError('EOPNOTSUPP'));
export const link: Part<'link'> = () => Promise.reject(new GlfsError('EOPNOTSUPP'));
export const rename: Part<'rename'> = () => Promise.reject(new GlfsError('EOPNOTSUPP'));
export const rmdir: Part<'rmdir'> = () => Promise.reject(new GlfsError('EOPNOTSUPP'));
export const unlink: Part<'unlink'> = () => Promise.reject(new GlfsError('EOPNOTSUPP'));
