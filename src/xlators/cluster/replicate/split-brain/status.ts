import { GlfsError } from '../../../../errors.ts';
import type { CallContext, Inode } from '../../../../graph/index.ts';
import { type Diagnosis, diagnose } from '../heal/index.ts';
import type { ReplicateState } from '../state.ts';

/**
 * What the copies say, where all of them are there to say it.
 * @throws GlfsError EAGAIN where some are not: what looks like split-brain may be none.
 */
export async function certainDiagnosis(
  state: ReplicateState,
  inode: Inode,
  context: CallContext,
): Promise<Diagnosis> {
  if (state.up !== state.all) {
    throw new GlfsError('EAGAIN', 'split-brain can be told and resolved only while all copies are up', {
      translator: state.name,
      cause: state.tooFew(state.up),
    });
  }
  return diagnose(state, inode.gfid, context);
}

/** The text that GlusterFS's mounts give, blanks and all. */
export async function splitBrainStatus(
  state: ReplicateState,
  inode: Inode,
  context: CallContext,
): Promise<string> {
  const { data, metadata } = await certainDiagnosis(state, inode, context);
  if (!data.splitBrain && !metadata.splitBrain) {
    return 'The file is not under data or metadata split-brain';
  }
  const word = (whether: boolean): string => (whether ? 'yes' : 'no');
  const choices = state.children.map(({ name }) => name).join(',');
  return [
    `data-split-brain:${word(data.splitBrain)}`,
    `metadata-split-brain:${word(metadata.splitBrain)}`,
    `Choices:${choices}`,
  ].join('    ');
}
