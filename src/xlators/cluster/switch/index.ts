/*
 * cluster/switch: cluster/distribute that puts new files on subvolumes by patterns of their paths
 * (option pattern.switch.case), with linkto files where their names hash to.
 */
import type { TranslatorType } from '../../../graph/index.ts';
import { Distribute } from '../distribute/index.ts';
import { type DistributeOptions, options } from '../distribute/options.ts';
import { hashedPlacement, patternPlacement } from '../distribute/placement.ts';

export const switchType: TranslatorType<DistributeOptions> = {
  type: 'cluster/switch',
  summary: 'cluster/distribute that places new files by patterns of their paths',
  options,
  create: (setup) =>
    new Distribute(setup, (state) => {
      const cases = setup.options['pattern.switch.case'];
      return cases === undefined ? hashedPlacement : patternPlacement(state, cases);
    }),
};
