/*
 * The promise: it knows what passes: calls, failures, durations, bytes by block size, the files used most. It stands at the top
 * of every volume and bears the volume's name. The failure that it hides: none. What its options don't ask for isn't
 * measured and costs nothing; bytes are always counted.
 */
import {
  type CallContext,
  type FopFunction,
  type GraphEvent,
  type Inode,
  type Reply,
  type Request,
  type Subvolume,
  Translator,
  type TranslatorType,
} from '../../../graph/index.ts';
import type { FopName } from '../../../protocol/fops.ts';
import { Blocks } from './blocks.ts';
import { Histogram, type LatencySummary } from './histogram.ts';
import { options } from './options.ts';
import { TopFiles } from './top-files.ts';

interface FopStats {
  hits: number;
  errors: number;
  readonly latency: Histogram;
}

/** Operations whose files are ranked, as in `gluster volume top`. */
const ranked = ['open', 'read', 'write', 'opendir', 'readdirp'] as const;

export class IoStats extends Translator<typeof options> {
  private readonly stats = new Map<FopName, FopStats>();
  private readonly reads = new Blocks();
  private readonly writes = new Blocks();
  private readonly top = new Map<FopName, TopFiles>(ranked.map((fop) => [fop, new TopFiles()]));
  private readonly events: Record<string, number> = {};
  private readonly since = performance.now();

  async read(request: Request<'read'>, context: CallContext): Promise<Reply<'read'>> {
    const reply = await this.child.read(request, context);
    this.reads.add(reply.data.length);
    return reply;
  }

  async write(request: Request<'write'>, context: CallContext): Promise<Reply<'write'>> {
    const reply = await this.child.write(request, context);
    this.writes.add(request.size);
    return reply;
  }

  override intercept<K extends FopName>(fop: K, next: FopFunction<K>): FopFunction<K> {
    return this.measured(fop, this.rankedBy(fop, next));
  }

  private measured<K extends FopName>(fop: K, next: FopFunction<K>): FopFunction<K> {
    const timed = this.options['latency-measurement'];
    if (!timed && !this.options['count-fop-hits']) return next;
    const stats: FopStats = { hits: 0, errors: 0, latency: new Histogram() };
    this.stats.set(fop, stats);
    return async (request, context) => {
      stats.hits++;
      const start = timed ? performance.now() : 0;
      try {
        return await next(request, context);
      } catch (error) {
        stats.errors++;
        throw error;
      } finally {
        if (timed) stats.latency.add((performance.now() - start) * 1000);
      }
    };
  }

  private rankedBy<K extends FopName>(fop: K, next: FopFunction<K>): FopFunction<K> {
    const top = this.top.get(fop);
    if (top === undefined) return next;
    if (!this.options['dump-fd-stats'] && !this.options['count-fop-hits']) return next;
    return (request, context) => {
      const { inode, path } = fileOf(request);
      top.add(inode.gfid, path);
      return next(request, context);
    };
  }

  protected override onEvent(event: GraphEvent, child: Subvolume): void {
    this.events[event.kind] = (this.events[event.kind] ?? 0) + 1;
    super.onEvent(event, child);
  }

  override dump(): Record<string, unknown> {
    const calls = [...this.stats].filter(([, { hits }]) => hits > 0);
    const top = [...this.top].map(([fop, files]) => [fop, files.list()] as const);
    return {
      seconds: Math.round((performance.now() - this.since) / 1000),
      fops: Object.fromEntries(calls.map(([fop, stats]) => [fop, summary(stats)])),
      read: { bytes: this.reads.bytes, calls: this.reads.bySize() },
      written: { bytes: this.writes.bytes, calls: this.writes.bySize() },
      events: { ...this.events },
      top: Object.fromEntries(top.filter(([, files]) => files.length > 0)),
    };
  }
}

/** The file that a request is about: all ranked operations name one by loc or fd. */
function fileOf(request: object): { inode: Inode; path?: string } {
  const { loc, fd } = request as Partial<Request<'open'>>;
  return loc ?? { inode: fd!.inode };
}

function summary({ hits, errors, latency }: FopStats): Record<string, number | LatencySummary> {
  const microseconds = latency.summary();
  return { hits, errors, ...(microseconds === undefined ? {} : { microseconds }) };
}

export const ioStatsType: TranslatorType<typeof options> = {
  type: 'debug/io-stats',
  summary: 'Counts calls, bytes and latencies; the state dump shows them.',
  options,
  create: (setup) => new IoStats(setup),
};
