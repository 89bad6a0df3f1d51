import { GlfsError } from '../../../errors.ts';
import type { Part } from './fops.ts';

export const readdir: Part<'readdir'> = () => Promise.reject(new GlfsError('EOPNOTSUPP'));
export const readdirp: Part<'readdirp'> = () => Promise.reject(new GlfsError('EOPNOTSUPP'));
