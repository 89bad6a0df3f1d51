import { GlfsError } from '../../../errors.ts';
import type { Part } from './fops.ts';

export const lk: Part<'lk'> = () => Promise.reject(new GlfsError('EOPNOTSUPP'));
export const getactivelk: Part<'getactivelk'> = () => Promise.reject(new GlfsError('EOPNOTSUPP'));
export const setactivelk: Part<'setactivelk'> = () => Promise.reject(new GlfsError('EOPNOTSUPP'));
export const inodelk: Part<'inodelk'> = () => Promise.reject(new GlfsError('EOPNOTSUPP'));
export const finodelk: Part<'finodelk'> = () => Promise.reject(new GlfsError('EOPNOTSUPP'));
export const entrylk: Part<'entrylk'> = () => Promise.reject(new GlfsError('EOPNOTSUPP'));
export const fentrylk: Part<'fentrylk'> = () => Promise.reject(new GlfsError('EOPNOTSUPP'));
export const lease: Part<'lease'> = () => Promise.reject(new GlfsError('EOPNOTSUPP'));
export const ipc: Part<'ipc'> = () => Promise.reject(new GlfsError('EOPNOTSUPP'));
