import { GlfsError } from '../../../../errors.ts';
import type { Inode } from '../../../../graph/index.ts';
import { accountsOf, accusersWanted, findDirection } from '../heal/direction.ts';
import { answered, examine } from '../heal/examine.ts';
import { healContext } from '../heal/session.ts';
import type { ReplicateState } from '../state.ts';

/** What the copies can't agree upon. */
export interface SplitBrain {
  readonly data: boolean;
  readonly metadata: boolean;
}

/**
 * What healers would find, where all copies are there to say it.
 * @throws GlfsError EAGAIN where some are not: what looks like split-brain may be none.
 */
export async function findSplitBrain(state: ReplicateState, inode: Inode): Promise<SplitBrain> {
  const found = await examine(state, inode, healContext());
  if (answered(found) !== state.all) {
    throw new GlfsError('EAGAIN', 'split-brain can be told and resolved only while all copies are up', {
      translator: state.name,
      cause: state.tooFew(answered(found)),
    });
  }
  const wanted = accusersWanted(state.options, state.children.length);
  const isSplit = (kind: 'data' | 'metadata'): boolean =>
    findDirection(accountsOf(found, kind), state.all, kind, wanted).splitBrain;
  return { data: isSplit('data'), metadata: isSplit('metadata') };
}

/** The text that GlusterFS's mounts give, blanks and all. */
export async function splitBrainStatus(state: ReplicateState, inode: Inode): Promise<string> {
  const { data, metadata } = await findSplitBrain(state, inode);
  if (!data && !metadata) return 'The file is not under data or metadata split-brain';
  const word = (whether: boolean): string => (whether ? 'yes' : 'no');
  return [
    `data-split-brain:${word(data)}`,
    `metadata-split-brain:${word(metadata)}`,
    `Choices:${state.children.map(({ name }) => name).join(',')}`,
  ].join('    ');
}
