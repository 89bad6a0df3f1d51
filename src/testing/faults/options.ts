import { option } from '../../graph/index.ts';

export const options = {
  seed: option.integer(1, { min: 0, help: 'what rules with a probability draw from' }),
} as const;
