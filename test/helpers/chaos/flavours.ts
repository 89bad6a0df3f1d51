import type { Flavour } from './round.ts';

const nothing = { kill: 0, blink: 0, stun: 0, cut: 0, fault: 0, full: 0, dark: 0 };
const patient = 42;

/** One brick after the other, each healed before the next: nothing may fail, and no name may be but where it was put. */
const bricks: Flavour = {
  name: 'bricks',
  plan: { ...nothing, kill: 85, blink: 15 },
  episodes: [1, 3],
  pingTimeout: patient,
  stormy: false,
  otherHears: true,
};

/** The same with calls that go wrong for one client. */
const calls: Flavour = {
  ...bricks,
  name: 'calls',
  plan: { ...nothing, kill: 20, cut: 20, fault: 55, full: 5 },
  otherHears: false,
};

/** Several bricks miss something at once, and sometimes too many are away. */
const storm: Flavour = {
  ...calls,
  name: 'storm',
  plan: { ...nothing, kill: 55, cut: 10, fault: 15, dark: 20 },
  episodes: [2, 4],
  stormy: true,
};

/** Bricks that say nothing until they are given up. */
const silence: Flavour = {
  ...calls,
  name: 'silence',
  plan: { ...nothing, stun: 100 },
  episodes: [1, 1],
  pingTimeout: 2,
};

/** What real bricks can be made to do. */
const real: Flavour = { ...bricks, name: 'real', episodes: [1, 2] };
const realCuts: Flavour = {
  ...calls,
  name: 'real cuts',
  plan: { ...nothing, kill: 50, cut: 50 },
  episodes: [1, 2],
};
const realStorm: Flavour = {
  ...storm,
  name: 'real storm',
  plan: { ...nothing, kill: 60, cut: 10, dark: 30 },
  episodes: [2, 2],
};

/** In turn, so that the costly ones are few. */
export const embeddedFlavours: readonly Flavour[] = [
  ...[bricks, calls, storm, bricks, calls, bricks, storm, calls, bricks],
  // Bricks and clients share one process: what is busy for two seconds is not silent.
  { ...silence, pingTimeout: 5 },
];
export const realFlavours: readonly Flavour[] = [
  real,
  realCuts,
  realStorm,
  real,
  { ...silence, name: 'real silence' },
];
