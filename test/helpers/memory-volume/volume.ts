import type { BorrowedGraph, Mount } from '../../../src/api/mount.ts';
import { Volume } from '../../../src/api/volume.ts';
import { GlfsError } from '../../../src/errors.ts';
import {
  type CallContext,
  checked,
  type Fd,
  type FopTable,
  type GraphEvent,
  type Inode,
  InodeTable,
  ordered,
  type Request,
} from '../../../src/graph/index.ts';
import { silent } from '../../../src/logger.ts';
import { type FopName, fopNames } from '../../../src/protocol/fops.ts';
import { type Gfid, newGfid } from '../../../src/protocol/gfid.ts';
import { MemoryFops } from './fops.ts';

/** What was asked of the volume. */
export interface SeenCall<K extends FopName = FopName> {
  readonly fop: K;
  readonly request: Request<K>;
  readonly context: CallContext;
}

type Hook = (call: SeenCall) => void | Promise<void>;
/**
 * A volume of one brick in memory, with the graph's own checks and order on top, for tests of what stands above graphs.
 * `before` runs ahead of each operation and may delay it or let it fail.
 */
export class MemoryVolume extends MemoryFops implements Mount {
  readonly inodes: InodeTable;
  readonly fops: FopTable;
  readonly logger = silent;
  readonly openFds = new Set<Fd>();
  readonly calls: SeenCall[] = [];
  before: Hook = () => {};
  closed = false;
  private readonly listeners = new Set<(event: GraphEvent) => void>();
  private readonly id = newGfid();

  constructor({ entryTimeout }: { entryTimeout?: number } = {}) {
    super();
    this.inodes = new InodeTable({ dentryTtl: entryTimeout });
    const table: Partial<Record<FopName, unknown>> = {};
    for (const fop of fopNames) table[fop] = this.entrance(fop);
    this.fops = checked(ordered(table as FopTable));
  }

  private entrance(fop: FopName) {
    return async (request: Request<typeof fop>, context: CallContext): Promise<unknown> => {
      const call: SeenCall = { fop, request, context };
      this.calls.push(call);
      await this.before(call);
      const implementation = this.implemented[fop] as unknown as
        | undefined
        | ((r: object, c: CallContext) => unknown);
      if (implementation === undefined) throw new GlfsError('EOPNOTSUPP', undefined, { fop });
      return implementation(request, context);
    };
  }

  get root(): Inode {
    return this.inodes.root;
  }

  volume(): Volume {
    return new Volume(this, { name: 'memory' });
  }

  /** Names of the operations since the last time. */
  take(): FopName[] {
    return this.calls.splice(0).map(({ fop }) => fop);
  }

  emit(event: GraphEvent): void {
    this.inodes.onEvent(event);
    for (const listener of [...this.listeners]) listener(event);
  }

  listen(listener: (event: GraphEvent) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  get listening(): number {
    return this.listeners.size;
  }

  borrow(): BorrowedGraph {
    return { translators: [], release() {} };
  }

  dump(): Record<string, unknown> {
    return { memory: { type: 'test/memory' } };
  }
  volfile(): string {
    return 'volume memory\n  type test/memory\nend-volume\n';
  }
  async volumeId(): Promise<Gfid> {
    return this.id;
  }
  async close(): Promise<void> {
    this.closed = true;
  }
}
