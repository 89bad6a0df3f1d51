/**
 * What clients say of copies that can't be had, or of which none is known to be good; ESTALE is the word of those that
 * missed that the file was made, where they are too many.
 */
const allowed: ReadonlySet<string | undefined> = new Set(['ENOTCONN', 'EIO', 'ESTALE']);

/**
 * Whether an operation may fail: never while no more bricks than a replica or disperse set can do without have missed
 * anything since all were healed; that is its promise.
 */
export class Weather {
  private readonly harmed = new Set<number>();
  private serial = 0;
  private badUntil = -1;

  constructor(private readonly tolerated: number) {}

  /** This brick misses something from now on. */
  harm(brick: number): void {
    this.harmed.add(brick);
    this.look();
  }

  /** Everything is healed. */
  clear(): void {
    this.look();
    this.harmed.clear();
  }

  get bad(): boolean {
    return this.harmed.size > this.tolerated;
  }

  /** To be kept by an operation that begins. */
  begin(): number {
    return ++this.serial;
  }

  mayFail(begun: number, code: string | undefined): boolean {
    return (this.bad || this.badUntil >= begun) && allowed.has(code);
  }

  private look(): void {
    if (this.bad) this.badUntil = this.serial;
  }
}
