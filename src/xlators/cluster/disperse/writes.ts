import { GlfsError } from '../../../errors.ts';
import type { Part } from './fops.ts';

export const write: Part<'write'> = () => Promise.reject(new GlfsError('EOPNOTSUPP'));
export const copyFileRange: Part<'copyFileRange'> = () => Promise.reject(new GlfsError('EOPNOTSUPP'));
