/*
 * The promise: a directory of the host is a brick, in GlusterFS's own format. Every file has a gfid by which it is found
 * wherever its names are (.glusterfs, handles.ts), the attributes that translators and clients keep with it, and the times that
 * clients stamp. The failures that it hides: a crash between any two steps leaves a handle without a name or a file without
 * handle, which the next lookup mends, never two files of one gfid; a file that is open outlives its last name.
 *
 * Below it there is nothing but the host. What the host can't keep (trusted.* attributes without root, owners) is in a store of
 * its own (attribute-store.ts). Permissions of callers are features/access-control's.
 */
import { GlfsError } from '../../../errors.ts';
import {
  type CallContext,
  type FopFunction,
  type Request,
  Translator,
  type TranslatorSetup,
  type TranslatorType,
} from '../../../graph/index.ts';
import { entryBytes } from '../../../protocol/dict.ts';
import { type FopName, fops } from '../../../protocol/fops.ts';
import { gfidToString } from '../../../protocol/gfid.ts';
import { OpenFlag, XattropFlag } from '../../../protocol/messages.ts';
import { attributeFops } from './attributes/index.ts';
import type { PosixBrick } from './brick.ts';
import { BrickDirectory } from './brick-directory.ts';
import { VOLUME_ID_KEY } from './brick-start.ts';
import type { EntryFop } from './entries/entry-fop.ts';
import { entryFops } from './entries/index.ts';
import { fileFops } from './files/index.ts';
import { hostError } from './host-error.ts';
import { options } from './options.ts';

const table: { readonly [K in FopName]?: EntryFop<K> } = { ...entryFops, ...fileFops, ...attributeFops };

export class Posix extends Translator<typeof options> {
  private brick: BrickDirectory | undefined;

  constructor(setup: TranslatorSetup<typeof options>) {
    super(setup);
    if (this.children.length > 0)
      throw new GlfsError('EINVAL', 'storage/posix has no subvolumes', { translator: this.name });
  }

  override own<K extends FopName>(fop: K): FopFunction<K> | undefined {
    const run = table[fop] as EntryFop<K> | undefined;
    if (run === undefined) return undefined;
    return async (request: Request<K>, context: CallContext) => {
      try {
        const brick = this.opened();
        if (brick.readOnly && changes(fop, request))
          throw new GlfsError('EROFS', 'the brick is opened for reading only');
        return await brick.during(() => run(brick, request, context));
      } catch (error) {
        throw hostError(error).with({ fop, translator: this.name });
      }
    };
  }

  private opened(): BrickDirectory {
    if (this.brick === undefined) throw new GlfsError('ENOTCONN', 'the brick is not started');
    return this.brick;
  }

  override async start(): Promise<void> {
    try {
      this.brick = await BrickDirectory.open({ name: this.name, options: this.options, log: this.log });
    } catch (error) {
      throw hostError(error).with({ translator: this.name });
    }
    this.emit({ kind: 'child-up' });
  }

  override async close(): Promise<void> {
    const brick = this.brick;
    this.brick = undefined;
    await brick?.close();
  }

  private volumeId({ root, store }: PosixBrick): string | undefined {
    const id = store.get(root, VOLUME_ID_KEY);
    return id?.length === 16 ? gfidToString(id) : undefined;
  }

  override dump(): Record<string, unknown> {
    const { brick } = this;
    return {
      directory: this.options.directory,
      started: brick !== undefined,
      volumeId: brick === undefined ? undefined : this.volumeId(brick),
      ...(brick === undefined ? {} : { 'attribute-store': brick.store.kind, 'read-only': brick.readOnly }),
    };
  }
}

function changes(fop: FopName, request: object): boolean {
  if (fop === 'xattrop' || fop === 'fxattrop') return counts(request as Request<'xattrop'>);
  if (fop !== 'open') return fops[fop].traits.mutates === true;
  const { flags } = request as Request<'open'>;
  return (flags & OpenFlag.ACCMODE) !== OpenFlag.RDONLY || (flags & OpenFlag.TRUNC) !== 0;
}

/** Adding zero is how cluster translators read counters. */
function counts({ operation, dict }: Request<'xattrop'>): boolean {
  if (operation === XattropFlag.GET_AND_SET) return true;
  return [...(dict ?? [])].some(([, entry]) => entryBytes(entry).some((byte) => byte !== 0));
}

export const posixType: TranslatorType<typeof options> = {
  type: 'storage/posix',
  summary: "Serves a directory of the host as a brick, in GlusterFS's on-disk format.",
  options,
  create: (setup) => new Posix(setup),
};
