/** Buckets for each doubling: an estimate is at most a quarter too high. */
const STEPS = 4;
/** From 1 µs to about 9 hours. */
const BUCKETS = STEPS * 35;

/** What `summary` tells, in microseconds. */
export interface LatencySummary {
  readonly count: number;
  readonly min: number;
  readonly avg: number;
  readonly max: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
}

/** Durations in logarithmic buckets: constant memory, percentiles within a quarter. */
export class Histogram {
  private readonly buckets = new Uint32Array(BUCKETS);
  private count = 0;
  private total = 0;
  private min = Number.POSITIVE_INFINITY;
  private max = 0;

  add(microseconds: number): void {
    this.count++;
    this.total += microseconds;
    if (microseconds < this.min) this.min = microseconds;
    if (microseconds > this.max) this.max = microseconds;
    const bucket = microseconds <= 1 ? 0 : Math.floor(Math.log2(microseconds) * STEPS);
    this.buckets[Math.min(bucket, BUCKETS - 1)]!++;
  }

  /** The duration that `share` (0 to 1) of all stay below: the upper end of its bucket, never more than the longest. */
  percentile(share: number): number {
    const rank = Math.ceil(share * this.count);
    let seen = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      seen += this.buckets[bucket]!;
      if (seen >= rank) return Math.max(Math.min(2 ** ((bucket + 1) / STEPS), this.max), this.min);
    }
    return this.max;
  }

  summary(): LatencySummary | undefined {
    if (this.count === 0) return undefined;
    return {
      count: this.count,
      min: round(this.min),
      avg: round(this.total / this.count),
      max: round(this.max),
      p50: round(this.percentile(0.5)),
      p90: round(this.percentile(0.9)),
      p99: round(this.percentile(0.99)),
    };
  }
}

function round(microseconds: number): number {
  return Math.round(microseconds * 10) / 10;
}
