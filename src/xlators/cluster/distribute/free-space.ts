import { Inode, rootContext, type Subvolume } from '../../../graph/index.ts';
import { Dict } from '../../../protocol/dict.ts';
import { ROOT_GFID } from '../../../protocol/gfid.ts';
import type { Statfs } from '../../../protocol/messages.ts';
import { internalDetached, wind } from '../wind.ts';
import type { Layout } from './layout.ts';
import type { DistributeState } from './state.ts';

/** What a subvolume has left. */
export interface Usage {
  /** Whole percent of the blocks, and of the inodes (100 where the file system makes inodes as it goes). */
  readonly freePercent: number;
  readonly freeInodesPercent: number;
  readonly freeBytes: number;
  /** Size in MiB: the weight of the subvolume in new layouts. */
  readonly chunks: number;
}

/** Milliseconds for which figures are good. */
const REFRESH_AFTER = 1000;
const MEBIBYTE = 1 << 20;

export function usageOf(statfs: Statfs): Usage {
  const { blocks, bavail, bsize, frsize, files, ffree } = statfs;
  const blocksPerChunk = Math.max(1, Math.floor(MEBIBYTE / Math.max(1, bsize)));
  return {
    freePercent: blocks === 0 ? 0 : Math.floor((bavail * 100) / blocks),
    freeInodesPercent: files === 0 ? 100 : Math.floor((ffree * 100) / files),
    freeBytes: bavail * frsize,
    chunks: Math.floor((blocks + blocksPerChunk - 1) / blocksPerChunk),
  };
}

/** Space and inodes that the subvolumes have left: asked for at most once a second, and only while files are made. */
export class FreeSpace {
  private readonly usages = new Map<Subvolume, Usage>();
  private fetched = Number.NEGATIVE_INFINITY;
  private underWay: Promise<void> | undefined;

  constructor(private readonly state: DistributeState) {}

  usage(child: Subvolume): Usage | undefined {
    return this.usages.get(child);
  }

  /** Weight of a subvolume in new layouts; 0 where it is unknown. */
  chunks(child: Subvolume): number {
    return this.usages.get(child)?.chunks ?? 0;
  }

  /**
   * Sees to it that there are figures, and asks for newer ones in the background where they are old. Only the first call
   * waits: layouts and choices of the very first files would differ otherwise.
   */
  async refresh(): Promise<void> {
    if (performance.now() - this.fetched > REFRESH_AFTER) this.underWay ??= this.fetch();
    if (this.usages.size === 0) await this.underWay;
  }

  private async fetch(): Promise<void> {
    const loc = { inode: new Inode(ROOT_GFID, 'directory') };
    const context = internalDetached(rootContext());
    // A quota on the root shall not hide how full the disks are.
    const xdata = new Dict([['ignore-deem-statfs', { type: 'int', value: 1n }]]);
    const ask = async (child: Subvolume): Promise<void> => {
      const { reply } = await wind(child, () => child.statfs({ loc, xdata }, context));
      if (reply !== undefined) this.usages.set(child, usageOf(reply));
    };
    await Promise.all(this.state.upChildren.map(ask));
    this.fetched = performance.now();
    this.underWay = undefined;
  }

  /** Below `min-free-disk` or `min-free-inodes`. Nothing is known: not full. */
  isFilled(child: Subvolume): boolean {
    const usage = this.usages.get(child);
    return usage !== undefined && !(this.hasSpace(usage, false) && this.hasInodes(usage, false));
  }

  private hasSpace(usage: Usage, more: boolean): boolean {
    const { percent, bytes } = this.state.options['min-free-disk'];
    const [free, wanted] =
      percent === undefined ? [usage.freeBytes, bytes ?? 0] : [usage.freePercent, percent];
    return more ? free > wanted : free >= wanted;
  }

  private hasInodes(usage: Usage, more: boolean): boolean {
    const wanted = this.state.options['min-free-inodes'].percent ?? 0;
    return more ? usage.freeInodesPercent > wanted : usage.freeInodesPercent >= wanted;
  }

  /**
   * The subvolume to take in place of `filled`: the one with the most space of those that have enough of both; then the
   * one with the most space that has an inode at all; then `filled` itself. Subvolumes that lack the parent directory, or
   * are being removed, don't count.
   */
  alternative(filled: Subvolume, layout: Layout): Subvolume {
    const usable = this.state.children
      .map((child) => ({ child, usage: this.usages.get(child) }))
      .filter(
        (candidate): candidate is { child: Subvolume; usage: Usage } =>
          candidate.usage !== undefined &&
          layout.entryOf(candidate.child)?.state === 'ok' &&
          this.state.isUp(candidate.child) &&
          !this.state.decommissioned.has(candidate.child),
      );
    const roomy = usable.filter(({ usage }) => this.hasSpace(usage, true) && this.hasInodes(usage, true));
    const rest = usable.filter(({ usage }) => usage.freeInodesPercent > 0 && usage.freeBytes > 0);
    return mostSpace(roomy) ?? mostSpace(rest) ?? filled;
  }
}

function mostSpace(candidates: readonly { child: Subvolume; usage: Usage }[]): Subvolume | undefined {
  return candidates.reduce<{ child: Subvolume; usage: Usage } | undefined>(
    (best, next) =>
      best === undefined ||
      next.usage.freePercent > best.usage.freePercent ||
      (next.usage.freePercent === best.usage.freePercent && next.usage.freeBytes > best.usage.freeBytes)
        ? next
        : best,
    undefined,
  )?.child;
}
