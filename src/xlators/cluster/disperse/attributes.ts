import { GlfsError } from '../../../errors.ts';
import type { Part } from './fops.ts';

export const setattr: Part<'setattr'> = () => Promise.reject(new GlfsError('EOPNOTSUPP'));
export const fsetattr: Part<'fsetattr'> = () => Promise.reject(new GlfsError('EOPNOTSUPP'));
export const setxattr: Part<'setxattr'> = () => Promise.reject(new GlfsError('EOPNOTSUPP'));
export const fsetxattr: Part<'fsetxattr'> = () => Promise.reject(new GlfsError('EOPNOTSUPP'));
export const removexattr: Part<'removexattr'> = () => Promise.reject(new GlfsError('EOPNOTSUPP'));
export const fremovexattr: Part<'fremovexattr'> = () => Promise.reject(new GlfsError('EOPNOTSUPP'));
export const xattrop: Part<'xattrop'> = () => Promise.reject(new GlfsError('EOPNOTSUPP'));
export const fxattrop: Part<'fxattrop'> = () => Promise.reject(new GlfsError('EOPNOTSUPP'));
