import { lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type CallContext,
  type FopFunction,
  registerTranslator,
  Translator,
} from '../../../../src/graph/index.ts';
import { Volume } from '../../../../src/index.ts';
import type { FopName } from '../../../../src/protocol/fops.ts';

export const MIB = 2 ** 20;
/** The smallest block that there is. */
export const BLOCK = 4 * MIB;

/** What passes between features/shard and what is below it; whoever throws here makes the call fail there. */
export const gate: { before: (fop: FopName, request: object, context: CallContext) => void | Promise<void> } =
  {
    before: () => {},
  };

class Gate extends Translator {
  override intercept<K extends FopName>(fop: K, next: FopFunction<K>): FopFunction<K> {
    return async (request, context) => {
      await gate.before(fop, request, context);
      return next(request, context);
    };
  }
}

registerTranslator({
  type: 'test/gate',
  summary: 'Lets a test look at calls, and make them fail.',
  options: {},
  create: (setup) => new Gate(setup),
});

export interface ShardedOptions {
  bricks?: number;
  /** Lines of the translator's options. */
  options?: readonly string[];
  /** Layers above features/shard, from below. */
  above?: readonly string[];
  /** Layers between storage/posix and cluster/distribute, by type. */
  onBricks?: readonly string[];
}

/** A sharded volume over directories of this host, no network between. */
export class Sharded {
  readonly directory = mkdtempSync(join(tmpdir(), 'glfs-shard-'));
  readonly bricks: readonly string[];
  volume!: Volume;

  private constructor(private readonly shape: ShardedOptions) {
    this.bricks = Array.from({ length: shape.bricks ?? 3 }, (_, index) => join(this.directory, `b${index}`));
    for (const brick of this.bricks) mkdirSync(brick);
  }

  static async start(shape: ShardedOptions = {}): Promise<Sharded> {
    const sharded = new Sharded(shape);
    await sharded.open();
    return sharded;
  }

  /** The same bricks with a fresh client, by other options perhaps. */
  async open(more: Partial<ShardedOptions> = {}): Promise<Volume> {
    await this.volume?.close();
    this.volume = await Volume.fromVolfile(this.volfile({ ...this.shape, ...more }));
    return this.volume;
  }

  private volfile({ options = [], above = [], onBricks = ['features/locks'] }: ShardedOptions): string {
    const blocks: string[] = [];
    const tops = this.bricks.map((brick, index) => {
      blocks.push(
        `volume p${index}\n type storage/posix\n option directory ${brick}\n option reserve 0\nend-volume`,
      );
      let top = `p${index}`;
      for (const type of onBricks) {
        blocks.push(`volume ${type.split('/')[1]}${index}\n type ${type}\n subvolumes ${top}\nend-volume`);
        top = `${type.split('/')[1]}${index}`;
      }
      return top;
    });
    blocks.push(`volume v-dht\n type cluster/distribute\n subvolumes ${tops.join(' ')}\nend-volume`);
    const lines = ['option shard-block-size 4MB', ...options].map((line) => ` ${line}`).join('\n');
    blocks.push('volume v-gate\n type test/gate\n subvolumes v-dht\nend-volume');
    blocks.push(`volume v-shard\n type features/shard\n${lines}\n subvolumes v-gate\nend-volume`);
    let top = 'v-shard';
    for (const type of above) {
      blocks.push(`volume v-${type.split('/')[1]}\n type ${type}\n subvolumes ${top}\nend-volume`);
      top = `v-${type.split('/')[1]}`;
    }
    return blocks.join('\n');
  }

  /** Names below `.shard` on all bricks, without what marks removals. */
  blocks(): string[] {
    return this.names('.shard').filter((name) => name !== '.remove_me');
  }

  markers(): string[] {
    return this.names(join('.shard', '.remove_me'));
  }

  names(below: string): string[] {
    return this.bricks
      .flatMap((brick) => {
        const directory = join(brick, below);
        return lstatSync(directory, { throwIfNoEntry: false }) === undefined ? [] : readdirSync(directory);
      })
      .filter((name, at, all) => all.indexOf(name) === at)
      .sort();
  }

  async stop(): Promise<void> {
    gate.before = () => {};
    await this.volume.close();
    rmSync(this.directory, { recursive: true, force: true });
  }
}
