export { create, mkdir, mknod, symlink } from './create.ts';
export { link } from './link.ts';
export { rmdir, unlink } from './remove.ts';
export { rename } from './rename.ts';
