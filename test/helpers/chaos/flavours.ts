import type { Flavour } from './round.ts';

const nothing = { kill: 0, blink: 0, stun: 0, cut: 0, fault: 0, full: 0, dark: 0 };
const patient = 42;

/** Rounds in which bricks as a whole come and go: both clients hear of it. */
const bricks: Flavour = {
  name: 'bricks',
  plan: { ...nothing, kill: 70, blink: 8, dark: 14 },
  episodes: [2, 4],
  pingTimeout: patient,
  otherHears: true,
};

/** Rounds with calls that go wrong for one client, too. */
const calls: Flavour = {
  name: 'calls',
  plan: { ...nothing, kill: 20, cut: 20, fault: 50, full: 5, dark: 3 },
  episodes: [2, 5],
  pingTimeout: patient,
  otherHears: false,
};

/** Rounds with bricks that say nothing until they are given up. */
const silence: Flavour = {
  name: 'silence',
  plan: { ...nothing, kill: 30, stun: 60 },
  episodes: [1, 1],
  pingTimeout: 2,
  otherHears: false,
};

/** What real bricks can be made to do. */
const real: Flavour = {
  ...bricks,
  name: 'real',
  plan: { ...nothing, kill: 75, blink: 10, dark: 15 },
  episodes: [1, 2],
};
const realCuts: Flavour = {
  ...real,
  name: 'real cuts',
  plan: { ...nothing, kill: 50, cut: 40, blink: 10 },
  otherHears: false,
};
const realSilence: Flavour = { ...silence, name: 'real silence' };

/** In turn, so that the costly ones are few. */
export const embeddedFlavours: readonly Flavour[] = [
  bricks,
  calls,
  bricks,
  calls,
  bricks,
  calls,
  bricks,
  calls,
  bricks,
  silence,
];
export const realFlavours: readonly Flavour[] = [real, realCuts, real, realCuts, realSilence];
