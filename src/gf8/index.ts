export { ErasureCode } from './erasure-code.ts';
export { CHUNK, typescriptKernel } from './typescript.ts';
