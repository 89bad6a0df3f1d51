import { option } from '../../../graph/index.ts';

export const options = {
  selinux: option.boolean(true, { help: 'Keep security.selinux under the name that bricks use.' }),
};
