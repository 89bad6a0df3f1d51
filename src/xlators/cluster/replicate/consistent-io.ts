import type { ReplicateState } from './state.ts';

/** `consistent-io`: where there is no quorum, all copies must be there. @throws GlfsError ENOTCONN */
export function requireConsistentIo(state: ReplicateState): void {
  const { options, quorum, up, all } = state;
  if (up === 0 || (options['consistent-io'] && !quorum.wanted && up !== all)) throw state.tooFew(up);
}
