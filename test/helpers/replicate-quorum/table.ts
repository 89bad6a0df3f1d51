/** What of a replica set is up: positions in ascending order. */
export type Up = readonly number[];

export interface Rule {
  /** `cluster.quorum-type`; undefined: not set. */
  readonly type: 'auto' | 'fixed' | 'none' | undefined;
  /** `cluster.quorum-count`; 0: not set. */
  readonly count: number;
  /** States in which files can be read and changed; in all others everything is ENOTCONN. */
  readonly allows: readonly Up[];
}

const [none, first, second, third]: Up[] = [[], [0], [1], [2]];
const [both, outer, later, all]: Up[] = [
  [0, 1],
  [0, 2],
  [1, 2],
  [0, 1, 2],
];
const any = [first!, second!, both!, third!, outer!, later!, all!];
const two = [both!, outer!, later!, all!];

/** All states, in the order of their bits. */
export function statesOf(size: number): Up[] {
  return [none!, ...any].filter((up) => up.every((index) => index < size));
}

const ofThree: readonly Rule[] = [
  { type: undefined, count: 0, allows: two },
  { type: 'auto', count: 0, allows: two },
  { type: 'auto', count: 1, allows: two },
  { type: 'none', count: 0, allows: any },
  { type: 'fixed', count: 1, allows: any },
  { type: 'fixed', count: 2, allows: two },
  { type: 'fixed', count: 3, allows: [all!] },
];

/**
 * What AFR allows. `auto`: more than half; exactly half where the first is among them. Sets of three have it by themselves,
 * sets of two have none.
 */
export const quorumTable: readonly {
  readonly name: string;
  readonly size: number;
  readonly arbiter: boolean;
  readonly rules: readonly Rule[];
}[] = [
  {
    name: 'replica 2',
    size: 2,
    arbiter: false,
    rules: [
      { type: undefined, count: 0, allows: [first!, second!, both!] },
      { type: 'none', count: 0, allows: [first!, second!, both!] },
      { type: 'auto', count: 0, allows: [first!, both!] },
      { type: 'fixed', count: 1, allows: [first!, second!, both!] },
      { type: 'fixed', count: 2, allows: [both!] },
    ],
  },
  { name: 'replica 3', size: 3, arbiter: false, rules: ofThree },
  // As long as both data copies are good; where the arbiter alone knows what they miss, nothing is changed.
  { name: 'replica 2+1', size: 3, arbiter: true, rules: ofThree.filter(({ allows }) => allows === two) },
];
