import { GlfsError } from '../../../errors.ts';
import type { Part } from './fops.ts';

export const lookup: Part<'lookup'> = () => Promise.reject(new GlfsError('EOPNOTSUPP'));
