import { copyContents } from './copy-file.ts';
import { CommandError } from './errors.ts';
import { failed, orFail } from './failed.ts';
import { baseName } from './locate.ts';
import { quote } from './quote.ts';
import type { Session } from './session.ts';
import type { Attributes, OpenSource, OpenTarget, Place } from './side.ts';
import { codeOf } from './strerror.ts';

export interface LeafOptions {
  /** Removes a target that can't be opened. */
  readonly force?: boolean;
  readonly fsync?: boolean;
  /** No other file is copied in this run: for progress. */
  readonly single: boolean;
}

/** One thing to copy that is no directory. */
export interface Leaf {
  readonly from: Place;
  readonly to: Place;
  /** Of the target, where there is one. */
  readonly existing: Attributes | undefined;
}

/** Copies the contents into the target as it is, or into a new one. Gives the number of bytes. @throws CommandError */
export async function copyRegular(session: Session, leaf: Leaf, options: LeafOptions): Promise<number> {
  const { from } = leaf;
  const source = await orFail(
    `cannot open ${quote(from.shown)} for reading`,
    from.side.openSource(from.path),
  );
  try {
    const target = await openTarget(session, leaf, source.attributes, options);
    const { kind, size } = source.attributes;
    session.progress.file(baseName(from.path), kind === 'file' ? size : undefined, options.single);
    return await fill(session, leaf, { source, target }, options);
  } finally {
    await source.close();
  }
}

async function fill(
  session: Session,
  { from, to }: Leaf,
  { source, target }: { source: OpenSource; target: OpenTarget },
  { fsync = false }: LeafOptions,
): Promise<number> {
  let size: number;
  try {
    size = await copyContents(session, { place: from, source }, { place: to, target }, { fsync });
  } catch (error) {
    await target.close().catch(() => {});
    throw error;
  }
  // Servers may tell of a write that failed as late as here.
  await orFail(`failed to close ${quote(to.shown)}`, target.close());
  return size;
}

async function openTarget(
  session: Session,
  { to, existing }: Leaf,
  source: Attributes,
  { force }: LeafOptions,
): Promise<OpenTarget> {
  const mode = source.mode & 0o777 & ~session.umask;
  const message = `cannot create regular file ${quote(to.shown)}`;
  try {
    return await to.side.openTarget(to.path, { mode, exclusive: existing === undefined });
  } catch (error) {
    if (existing === undefined) throw await ofNewFile(to, message, error);
    if (!force) throw failed(message, error);
    await orFail(`cannot remove ${quote(to.shown)}`, to.side.unlink(to.path));
    return orFail(message, to.side.openTarget(to.path, { mode, exclusive: true }));
  }
}

async function ofNewFile(to: Place, message: string, error: unknown): Promise<Error> {
  const code = codeOf(error);
  const isLink = async () => (await to.side.stat(to.path, false)).kind === 'symlink';
  if (code === 'EEXIST' && (await isLink().catch(() => false)))
    return new CommandError(`not writing through dangling symlink ${quote(to.shown)}`, { cause: error });
  // open(2) says EISDIR of a new name with a slash behind it; nobody would understand that.
  const slash = code === 'EISDIR' && to.path.endsWith('/');
  return failed(message, slash ? Object.assign(new Error(), { code: 'ENOTDIR' }) : error);
}

/** A symbolic link, fifo, socket or device is made anew, in place of what is there. @throws CommandError */
export async function copySpecial(
  session: Session,
  { from, to, existing }: Leaf,
  attributes: Attributes,
): Promise<void> {
  if (existing !== undefined) await orFail(`cannot remove ${quote(to.shown)}`, to.side.unlink(to.path));
  if (attributes.kind === 'symlink') {
    const target = await orFail(
      `cannot read symbolic link ${quote(from.shown)}`,
      from.side.readlink(from.path),
    );
    await orFail(`cannot create symbolic link ${quote(to.shown)}`, to.side.symlink(target, to.path));
    return;
  }
  const like = { ...attributes, mode: attributes.mode & ~session.umask };
  await orFail(`cannot create special file ${quote(to.shown)}`, to.side.mknod(to.path, like));
}
