import { option } from '../../../graph/index.ts';

export const options = {
  'read-only': option.boolean(false, { help: 'Refuse every change with EROFS.' }),
};
