/** Replica sets that stories are told on, with the bricks that go away in turn. */
export const sets = [
  { name: 'replica 2', type: 'replica 2', size: 2, victims: [1] },
  { name: 'replica 3', type: 'replica 3', size: 3, victims: [0] },
  { name: 'arbiter', type: 'replica 3 arbiter 1', size: 3, victims: [1, 2] },
];
