import { option } from '../../../graph/index.ts';

export const options = {
  noatime: option.boolean(true, { help: 'Opening and reading a file leave its access time alone.' }),
};
