import { GlfsError, toGlfsError } from '../../errors.ts';
import type { CallContext, Inode } from '../../graph/index.ts';
import { type Gfid, gfidEquals, gfidFromString, gfidToString, ROOT_GFID } from '../../protocol/gfid.ts';
import { isDirectory } from '../../protocol/iatt.ts';
import { hasLinktoMode } from '../../xlators/cluster/distribute/merge.ts';
import { fileOnMember } from '../../xlators/cluster/file-on-member.ts';
import { IndexDirectory } from '../../xlators/cluster/index-directory.ts';
import { answersOf } from '../../xlators/cluster/replicate/crawl/tree.ts';
import { diagnose, healFile, type SplitBrainPolicy } from '../../xlators/cluster/replicate/heal/index.ts';
import { healName } from '../../xlators/cluster/replicate/heal/name.ts';
import type { CopyAnswer } from '../../xlators/cluster/replicate/operation.ts';
import { Call } from '../calls.ts';
import { atPlace } from '../paths.ts';
import { rootStep, type Scope } from '../scope.ts';
import type { Member } from './heal-set.ts';
import { inOrder } from './in-order.ts';
import { outcomeOf } from './passes.ts';
import type { ReplicaSet } from './replica-set.ts';
import type { HealOutcome } from './types.ts';

/** A choice with its source found. */
export type Choice = 'latest-mtime' | 'bigger-file' | Copy;

/** One of a set of copies. */
export type Copy = Member & { readonly set: ReplicaSet };

interface Resolution {
  readonly file: string;
  readonly choice: Choice;
  readonly context: CallContext;
}

/** A name in one set. */
interface NameInSet {
  readonly set: ReplicaSet;
  readonly parent: Inode;
  readonly name: string;
  readonly answers: readonly (CopyAnswer<'lookup'> | undefined)[];
}

const GFID = /^gfid:/;

/** @throws GlfsError as `Healer.resolve` */
export async function resolveSplitBrain(
  scope: Scope,
  sets: readonly ReplicaSet[],
  resolution: Resolution,
): Promise<HealOutcome> {
  try {
    if (GFID.test(resolution.file)) return await resolveGfid(sets, resolution);
    return await resolvePath(scope, sets, resolution);
  } catch (thrown) {
    throw toGlfsError(thrown).with({ syscall: 'heal', path: resolution.file });
  }
}

async function resolveGfid(sets: readonly ReplicaSet[], resolution: Resolution): Promise<HealOutcome> {
  const gfid = gfidFromString(resolution.file.replace(GFID, ''));
  return resolveIn(await setsWith(sets, gfid, resolution), gfid, resolution, undefined);
}

async function resolvePath(
  scope: Scope,
  sets: readonly ReplicaSet[],
  resolution: Resolution,
): Promise<HealOutcome> {
  const { file, context } = resolution;
  if (!file.startsWith('/'))
    throw new GlfsError('EINVAL', 'a path from the root of the volume is expected, or gfid:UUID');
  if (/^\/+$/.test(file)) return resolveIn(sets, ROOT_GFID, resolution, '/');
  // As root, like all of a heal; the last name is asked of each copy, since the volume answers EIO for it.
  const call = new Call(scope.with({ start: rootStep(scope.mount) }), context, file);
  const [parent, name] = await atPlace(call, file, 'EINVAL', async (place) => [place.parent, place.name]);
  const found: NameInSet[] = [];
  for (const set of candidates(sets, resolution.choice)) {
    const answers = await answersOf(set.state, parent, name, context);
    if (answers.some((answer) => answer?.reply !== undefined)) found.push({ set, parent, name, answers });
  }
  const real = found.filter(({ answers }) => answers.some((answer) => isReal(answer)));
  const [first] = real.length > 0 ? real : found;
  if (first === undefined) throw new GlfsError('ENOENT');
  const gfids = gfidsOf(first.answers);
  if (gfids.length > 1) return resolveName(first, resolution);
  return resolveIn(
    real.map(({ set }) => set),
    gfids[0]!,
    resolution,
    file,
  );
}

function candidates(sets: readonly ReplicaSet[], choice: Choice): readonly ReplicaSet[] {
  return typeof choice === 'string' ? sets : sets.filter((set) => set === choice.set);
}

/** Where the other half of a distributed volume has nothing but a pointer to the file. */
function isReal(answer: CopyAnswer<'lookup'> | undefined): boolean {
  return answer?.reply !== undefined && !hasLinktoMode(answer.reply.stat);
}

function gfidsOf(answers: NameInSet['answers']): Gfid[] {
  const gfids: Gfid[] = [];
  for (const answer of answers) {
    const gfid = answer?.reply?.stat.gfid;
    if (gfid !== undefined && !gfids.some((other) => gfidEquals(other, gfid))) gfids.push(gfid);
  }
  return gfids;
}

async function setsWith(
  sets: readonly ReplicaSet[],
  gfid: Gfid,
  { choice, context }: Resolution,
): Promise<ReplicaSet[]> {
  const having: ReplicaSet[] = [];
  for (const set of candidates(sets, choice)) {
    const up = set.members.filter((copy) => set.isUp(copy));
    const files = await Promise.all(up.map(({ child }) => fileOnMember(child, gfid, context)));
    if (files.some((file) => file !== undefined)) having.push(set);
  }
  return having;
}

/** Copies mean different files by one name: those that are not chosen go. */
async function resolveName(
  { set, parent, name, answers }: NameInSet,
  { file, choice, context }: Resolution,
): Promise<HealOutcome> {
  requireAllUp(set);
  const policy = policyOf(choice);
  try {
    await healName(set.state, parent, name, answers, context, { policy });
  } catch (thrown) {
    throw undecided(choice, toGlfsError(thrown));
  }
  const after = await answersOf(set.state, parent, name, context);
  const [gfid, ...others] = gfidsOf(after);
  if (gfid === undefined || others.length > 0 || after.some((answer) => answer?.reply === undefined))
    throw undecided(choice, undefined);
  // The file that came back is empty: its bytes and attributes are to follow.
  await healFile(set.state, gfid, context, policy);
  const changed = set.members.filter(({ index }) => {
    const before = answers[index]?.reply?.stat.gfid;
    return before === undefined || !gfidEquals(before, gfid);
  });
  return {
    status: 'healed',
    gfid: gfidToString(gfid),
    path: file,
    bricks: changed.map(({ brick }) => brick),
  };
}

/** The same file everywhere, of which copies accuse each other. */
async function resolveIn(
  sets: readonly ReplicaSet[],
  gfid: Gfid,
  { choice, context }: Resolution,
  path: string | undefined,
): Promise<HealOutcome> {
  if (sets.length === 0) throw new GlfsError('ENOENT');
  let notInSplitBrain: GlfsError | undefined;
  for (const set of candidates(sets, choice)) {
    requireAllUp(set);
    const { data, metadata, entry } = await diagnose(set.state, gfid, context);
    if (choice === 'bigger-file' && (await isDirectoryIn(set, gfid, context)))
      throw new GlfsError('EINVAL', "'bigger-file' is no option for directories");
    if (metadata.splitBrain && typeof choice === 'string')
      throw new GlfsError('EINVAL', 'Use source-brick option to heal metadata split-brain');
    if (!data.splitBrain && !metadata.splitBrain && !entry.splitBrain) {
      notInSplitBrain = new GlfsError('EINVAL', 'File not in split-brain');
      continue;
    }
    const result = await healFile(set.state, gfid, context, policyOf(choice));
    if (result.status === 'split-brain') throw undecided(choice, undefined);
    if (result.status === 'busy')
      throw new GlfsError('EBUSY', 'somebody else is healing or writing the file');
    if (result.status === 'failed') throw toGlfsError(result.error);
    const outcome = outcomeOf(set, { gfid: gfidToString(gfid), path }, result);
    if (outcome !== undefined) return outcome;
  }
  throw notInSplitBrain ?? new GlfsError('EINVAL', 'File not in split-brain');
}

async function isDirectoryIn(set: ReplicaSet, gfid: Gfid, context: CallContext): Promise<boolean> {
  const files = await Promise.all(set.members.map(({ child }) => fileOnMember(child, gfid, context)));
  return files.some((file) => file !== undefined && isDirectory(file.stat));
}

/** @throws GlfsError ENOTCONN: who is not there might be the one that is right */
function requireAllUp(set: ReplicaSet): void {
  const missing = set.members.filter((copy) => !set.isUp(copy));
  if (missing.length === 0) return;
  const bricks = missing.map(({ brick }) => brick).join(', ');
  throw new GlfsError('ENOTCONN', `all copies must be up to resolve split-brain: ${bricks} down`, {
    cause: set.downError(missing[0]!),
  });
}

function policyOf(choice: Choice): SplitBrainPolicy {
  if (choice === 'bigger-file') return { by: 'size' };
  return choice === 'latest-mtime' ? { by: 'mtime' } : { by: 'source', index: choice.index };
}

function undecided(choice: Choice, cause: GlfsError | undefined): GlfsError {
  const reasons = {
    'bigger-file': 'No bigger file',
    'latest-mtime': 'No difference in mtime',
  };
  const reason = typeof choice === 'string' ? reasons[choice] : `${choice.brick} does not have the file`;
  return new GlfsError('EINVAL', reason, { cause });
}

/** @throws GlfsError ENOTCONN, ECANCELED */
export async function* healFromSource(
  source: Copy,
  context: CallContext,
  parallel: number,
): AsyncGenerator<HealOutcome, void, void> {
  const { set, child } = source;
  requireAllUp(set);
  const policy = policyOf(source);
  for (const kind of ['xattrop', 'dirty'] as const) {
    const directory = await IndexDirectory.open(child, kind, context);
    if (directory === undefined) continue;
    const attempts = inOrder(directory.gfids(context), parallel, async (gfid) => {
      const file = await fileOnMember(child, gfid, context);
      if (file === undefined || (await set.diagnosed(gfid, context))?.state !== 'split-brain')
        return undefined;
      const result = await healFile(set.state, gfid, context, policy);
      return outcomeOf(set, { gfid: gfidToString(gfid), path: file.path }, result);
    });
    for await (const outcome of attempts) if (outcome !== undefined) yield outcome;
  }
}
