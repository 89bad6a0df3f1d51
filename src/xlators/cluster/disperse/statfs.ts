import { GlfsError } from '../../../errors.ts';
import type { Part } from './fops.ts';

export const statfs: Part<'statfs'> = () => Promise.reject(new GlfsError('EOPNOTSUPP'));
