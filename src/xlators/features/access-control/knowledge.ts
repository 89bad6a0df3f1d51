import { isGlfsError } from '../../../errors.ts';
import { asRoot, type CallContext, Inode, type Loc, type Subvolume } from '../../../graph/index.ts';
import { Dict } from '../../../protocol/dict.ts';
import { type Gfid, gfidKey, isNullGfid } from '../../../protocol/gfid.ts';
import type { Iatt } from '../../../protocol/iatt.ts';
import { aclAttributes, decodeAces } from '../../../protocol/posix-acl.ts';
import { inStep } from './acl.ts';
import type { Facts } from './permits.ts';

/** How many changes there had been; `undefined` while one is under way. */
type Mark = number | undefined;

/** Files whose facts are kept. */
const LIMIT = 65_536;

/**
 * What the brick knows of owners, modes and ACLs. Facts are kept by gfid and not with inodes: a fresh inode that a lookup
 * learns on may meet the table after somebody changed the file, and old facts would let callers in. For the same reason
 * nothing is kept that was read while a change was under way, and a change leaves nothing behind: the next call asks.
 */
export class Knowledge {
  /** Least recently learnt first. */
  private readonly facts = new Map<string, Facts>();
  /** Changes under way, and changes so far. */
  private running = 0;
  private changes = 0;

  constructor(private readonly child: Subvolume) {}

  get size(): number {
    return this.facts.size;
  }

  /** Facts of a known inode. @throws GlfsError ESTALE, and what else a lookup fails with. */
  async of(inode: Inode, context: CallContext): Promise<Facts> {
    return this.facts.get(gfidKey(inode.gfid)) ?? (await this.ask({ inode }, context));
  }

  /** Facts of whatever has that name now; `undefined` where nothing has. */
  async named({ parent, name }: Loc, context: CallContext): Promise<Facts | undefined> {
    try {
      return await this.ask({ inode: new Inode(), parent, name }, context);
    } catch (error) {
      if (isGlfsError(error, 'ENOENT')) return undefined;
      throw error;
    }
  }

  private async ask(loc: Loc, context: CallContext): Promise<Facts> {
    const began = this.mark();
    const { stat, xdata } = await this.child.lookup(
      { loc, flags: 0, xdata: withAcls(undefined) },
      asRoot(context),
    );
    return this.learn(stat, xdata, began);
  }

  /** To be taken before a call whose reply is learnt from. */
  mark(): Mark {
    return this.running > 0 ? undefined : this.changes;
  }

  /** Takes over what a reply says that was asked for with `withAcls`, unless something changed since `began`. */
  learn(stat: Iatt, xdata: Dict | undefined, began: Mark): Facts {
    const facts: Facts = {
      uid: stat.uid,
      gid: stat.gid,
      mode: stat.mode,
      access: inStep(aclIn(xdata, aclAttributes.access), stat.mode),
      default: aclIn(xdata, aclAttributes.default),
    };
    const key = gfidKey(stat.gfid);
    this.facts.delete(key);
    if (began === undefined || began !== this.mark() || isNullGfid(stat.gfid)) return facts;
    this.facts.set(key, facts);
    if (this.facts.size > LIMIT) this.facts.delete(this.facts.keys().next().value!);
    return facts;
  }

  /** Runs what may change a file's owner, mode or ACLs. */
  async change<T>(gfid: Gfid, run: () => Promise<T>): Promise<T> {
    const key = gfidKey(gfid);
    this.running++;
    this.facts.delete(key);
    try {
      return await run();
    } finally {
      this.facts.delete(key);
      this.running--;
      this.changes++;
    }
  }
}

/** Asks a lookup for both ACLs. */
export function withAcls(xdata: Dict | undefined): Dict {
  const asking = xdata === undefined ? new Dict() : xdata.clone();
  for (const name of Object.values(aclAttributes)) asking.setEntry(name, { type: 'int', value: 0n });
  return asking;
}

function aclIn(xdata: Dict | undefined, name: string): ReturnType<typeof decodeAces> {
  const entry = xdata?.entry(name);
  return entry?.type === 'bytes' ? decodeAces(entry.value) : undefined;
}
