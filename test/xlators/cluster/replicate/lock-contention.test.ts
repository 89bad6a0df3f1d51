import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { type Fd, newLkOwner } from '../../../../src/graph/index.ts';
import { LockType } from '../../../../src/protocol/messages.ts';
import { seededRandom } from '../../../../src/xlators/debug/random.ts';
import { type LockClient, LockedFile, type LockOf } from '../../../helpers/lock-clients.ts';
import { waitUntil } from '../../../helpers/wait.ts';

interface Belief {
  readonly client: LockClient;
  readonly fd: Fd;
  readonly start: bigint;
  readonly end: bigint;
  readonly write: boolean;
}

/** Who could read and write at this moment in the belief that nobody else does. */
function acts({ client, fd }: Belief): boolean {
  return fd.poisoned === undefined && client.state.enough(client.state.up);
}

function conflict(a: Belief, b: Belief): boolean {
  return a !== b && (a.write || b.write) && a.start < b.end && b.start < a.end;
}

/** Several clients that lock and unlock ranges, while connections and bricks come and go. */
class Contest {
  readonly beliefs = new Set<Belief>();
  readonly counts = { granted: 0, refused: 0, lost: 0, outages: 0 };
  private running = true;

  constructor(
    private readonly file: LockedFile,
    private readonly clients: readonly LockClient[],
    private readonly random: () => number,
  ) {}

  private below(end: number): number {
    return Math.floor(this.random() * end);
  }

  async run(outages: number): Promise<void> {
    const players = this.clients.map((client) => this.play(client));
    for (let outage = 0; outage < outages; outage++) await this.disturb();
    this.running = false;
    await Promise.all(players);
  }

  private async play(client: LockClient): Promise<void> {
    const owner = newLkOwner();
    let fd = await this.reopened(client);
    while (this.running) {
      // Refusals come at once where too few copies are there: sockets must get their turn.
      await turn();
      const start = BigInt(this.below(4) * 10);
      const length = BigInt(10 + this.below(2) * 10);
      const write = this.below(3) > 0;
      const lock: LockOf = {
        owner,
        start,
        length,
        type: write ? LockType.WRITE : LockType.READ,
        wait: this.below(2) === 0,
      };
      try {
        await client.lock(fd, lock);
        await this.hold({ client, fd, start, end: start + length, write });
      } catch {
        this.counts.refused++;
      }
      if (fd.poisoned !== undefined) {
        this.counts.lost++;
        await client.close(fd, owner).catch(() => {});
        fd = await this.reopened(client);
      } else await client.unlock(fd, lock).catch(() => {});
    }
    await client.close(fd, owner).catch(() => {});
  }

  private reopened(client: LockClient): Promise<Fd> {
    return waitUntil(() => client.open(this.file.inode), { what: 'a quorum to open the file' });
  }

  private async hold(belief: Belief): Promise<void> {
    this.counts.granted++;
    this.beliefs.add(belief);
    try {
      const others = [...this.beliefs].filter((other) => conflict(belief, other));
      // Who has lost a connection in the same moment hears of it in the same turn of the loop.
      for (let wait = 0; wait < 5; wait++) await turn();
      const both = others.filter((other) => this.beliefs.has(other) && acts(other));
      if (acts(belief)) expect(both, 'two owners of one lock').toEqual([]);
      for (let wait = this.below(10); wait > 0; wait--) await turn();
    } finally {
      this.beliefs.delete(belief);
    }
  }

  private async disturb(): Promise<void> {
    const { file, clients } = this;
    this.counts.outages++;
    const index = this.below(3);
    if (this.below(3) === 0) {
      await file.bricks[index]!.kill();
      for (let wait = this.below(30); wait > 0; wait--) await turn();
      await file.bricks[index]!.restart();
    } else {
      const client = clients[this.below(clients.length)]!;
      client.cut(index);
      if (this.below(2) === 0) client.cut((index + 1) % 3);
    }
    for (let wait = this.below(40); wait > 0; wait--) await turn();
    // Now and then everybody is back before the next blow.
    if (this.below(3) === 0) await Promise.all(clients.map((client) => client.sees(0b111)));
  }
}

test.each([1, 2])('no two clients act on one lock, and none is left behind: seed %i', async (seed) => {
  await using file = await LockedFile.start();
  const clients = await Promise.all([file.client(), file.client(), file.client()]);
  const contest = new Contest(file, clients, seededRandom(seed));
  await contest.run(40);
  expect(contest.counts.granted).toBeGreaterThan(40);
  expect(contest.counts.refused).toBeGreaterThan(0);
  await file.observer.sees(0b111);
  await waitUntil(async () => (await file.grantedOnAll()).every((locks) => locks.length === 0), {
    what: 'no lock on any brick',
    timeoutMs: 5000,
  });
  for (const client of clients) expect(client.book.held.empty).toBe(true);
});
