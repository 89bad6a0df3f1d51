import { GlfsError } from '../../../errors.ts';
import type { Part } from './fops.ts';

export const getxattr: Part<'getxattr'> = () => Promise.reject(new GlfsError('EOPNOTSUPP'));
export const fgetxattr: Part<'fgetxattr'> = () => Promise.reject(new GlfsError('EOPNOTSUPP'));
