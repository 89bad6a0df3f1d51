import type { Option } from '../../graph/index.ts';

/** A share of calls: `10%`, `0.5`, `10`. */
export function percent(defaultValue: number, help: string): Option<number> {
  return {
    kind: 'percent',
    default: defaultValue,
    help,
    parse: (text) => {
      const match = /^(\d+(?:\.\d+)?)\s*%?$/.exec(text.trim());
      const value = Number(match?.[1]);
      if (!(value <= 100)) throw new Error('a percentage from 0 to 100 is expected');
      return value;
    },
  };
}

/** Ours, not GlusterFS's: the same seed and the same calls give the same faults. */
export const seed: Option<number | undefined> = {
  kind: 'integer',
  default: undefined,
  help: 'Makes the choice of calls repeatable; at random where it is not set.',
  parse: (text) => {
    if (!/^\d{1,10}$/.test(text.trim())) throw new Error('an integer is expected');
    return Number(text) >>> 0;
  },
};
