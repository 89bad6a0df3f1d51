import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
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

export const KIB = 1024;
/** The smallest block that there is. */
export const BLOCK = 16 * KIB;

/** What one subvolume, by its number, is told; whoever throws here makes the call fail there, before or after it is executed. */
export const gate: {
  before: (brick: number, fop: FopName, request: object, context: CallContext) => void | Promise<void>;
  after: (brick: number, fop: FopName) => void | Promise<void>;
} = { before: () => {}, after: () => {} };

export function openGate(): void {
  gate.before = () => {};
  gate.after = () => {};
}

class Gate extends Translator {
  override intercept<K extends FopName>(fop: K, next: FopFunction<K>): FopFunction<K> {
    const brick = Number(this.name.slice(1));
    return async (request, context) => {
      await gate.before(brick, fop, request, context);
      const reply = await next(request, context);
      await gate.after(brick, fop);
      return reply;
    };
  }
}

registerTranslator({
  type: 'test/gate',
  summary: 'Lets a test look at calls, and make them fail.',
  options: {},
  create: (setup) => new Gate(setup),
});

export interface StripedOptions {
  readonly bricks?: number;
  /** Of cluster/stripe; `block-size` is the smallest where it is not there. */
  readonly options?: Readonly<Record<string, string>>;
  /** Numbers of the bricks in the order of the volfile. */
  readonly order?: readonly number[];
}

/** A striped volume over directories of this host, no network between; the translator's name is `v-stripe-0`. */
export class Striped {
  readonly directory = mkdtempSync(join(tmpdir(), 'glfs-stripe-'));
  readonly bricks: readonly string[];
  volume!: Volume;

  private constructor(private readonly shape: StripedOptions) {
    this.bricks = Array.from({ length: shape.bricks ?? 2 }, (_, index) => join(this.directory, `b${index}`));
    for (const brick of this.bricks) mkdirSync(brick);
  }

  static async start(shape: StripedOptions = {}): Promise<Striped> {
    const striped = new Striped(shape);
    await striped.open();
    return striped;
  }

  /** The same bricks with a fresh client, by other options perhaps. */
  async open(more: StripedOptions = {}): Promise<Volume> {
    await this.volume?.close();
    this.volume = await Volume.fromVolfile(this.volfile({ ...this.shape, ...more }), { entryTimeout: 0 });
    return this.volume;
  }

  /** While no client of the whole is there: what `run` does to one brick by itself. */
  async alone<T>(brick: number, run: (volume: Volume) => Promise<T>): Promise<T> {
    await this.volume.close();
    const volume = await Volume.fromVolfile(this.brick(brick), { entryTimeout: 0 });
    try {
      return await run(volume);
    } finally {
      await volume.close();
      await this.open();
    }
  }

  /** The bytes of a stripe as they lie on its brick. */
  stripe(brick: number, name: string): Buffer {
    return readFileSync(join(this.bricks[brick]!, name));
  }

  /** Puts bytes where another client would have put them. */
  put(brick: number, name: string, bytes: Uint8Array, size = bytes.length): void {
    const path = join(this.bricks[brick]!, name);
    writeFileSync(path, bytes, { flag: 'r+' });
    truncateSync(path, size);
  }

  private brick(index: number): string {
    const directory = this.bricks[index]!;
    return [
      `volume p${index}\n type storage/posix\n option directory ${directory}\n option reserve 0\nend-volume`,
      `volume l${index}\n type features/locks\n subvolumes p${index}\nend-volume`,
      `volume g${index}\n type test/gate\n subvolumes l${index}\nend-volume`,
    ].join('\n');
  }

  private volfile({ options = {}, order }: StripedOptions): string {
    const numbers = order ?? this.bricks.map((_, index) => index);
    const given = { 'block-size': String(BLOCK), ...options };
    const lines = Object.entries(given).map(([key, value]) => ` option ${key} ${value}`);
    const subvolumes = numbers.map((index) => `g${index}`).join(' ');
    return [
      ...numbers.map((index) => this.brick(index)),
      `volume v-stripe-0\n type cluster/stripe\n${lines.join('\n')}\n subvolumes ${subvolumes}\nend-volume`,
    ].join('\n');
  }

  async stop(): Promise<void> {
    openGate();
    await this.volume.close();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** `size` bytes, each of which tells where it belongs. */
export function pattern(size: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(size);
  for (let at = 0; at < size; at++) bytes[at] = ((at * 31) ^ (at >> 8) ^ (at >> 16) ^ seed) & 0xff;
  return bytes;
}
