/** Bytes moved, and how many calls moved how much, by powers of two, as `gluster volume profile` groups them. */
export class Blocks {
  bytes = 0;
  private readonly counts = new Uint32Array(64);

  add(bytes: number): void {
    this.bytes += bytes;
    if (bytes > 0) this.counts[Math.floor(Math.log2(bytes))]!++;
  }

  /** Calls by the smallest size of their group in bytes: `4096` stands for 4096 to 8191. */
  bySize(): Record<string, number> {
    const sizes: Record<string, number> = {};
    this.counts.forEach((count, power) => {
      if (count > 0) sizes[String(2 ** power)] = count;
    });
    return sizes;
  }
}
