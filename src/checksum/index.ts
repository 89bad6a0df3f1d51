export { type BlockChecksum, blockChecksum } from './block.ts';
export { crc32cInTypescript } from './crc32c.ts';
export { crc32c, weakChecksum } from './fastest.ts';
export { weakInTypescript } from './weak.ts';
