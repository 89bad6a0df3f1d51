import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { realFlavours } from './helpers/chaos/flavours.ts';
import { realWorld } from './helpers/chaos/real-world.ts';
import { playRound } from './helpers/chaos/round.ts';
import { ensureFuse } from './helpers/mount.ts';
import { startPool } from './helpers/pool.ts';

/*
 * npm run soak [-- --type replicate|disperse --rounds 200 --seed 1 --subnet 127.1.1 --out docs/soak.md]: random schedules on real
 * bricks, by root, with Debian's glusterfs-server. Prints, and with --out writes, a table of what happened.
 */
// cluster/disperse is refused without (docs/decisions/0017).
process.env.GLFS_DISPERSE ??= 'on';

const { values } = parseArgs({
  options: {
    type: { type: 'string', default: 'replicate' },
    rounds: { type: 'string', default: '200' },
    seed: { type: 'string', default: '1' },
    subnet: { type: 'string', default: '127.1.1' },
    out: { type: 'string' },
  },
});
const rounds = Number(values.rounds);
const first = Number(values.seed);

interface Row {
  rounds: number;
  operations: number;
  refused: number;
  kills: number;
  locked: number;
  changing: number;
  heals: number;
  failures: number;
}

const kinds: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  replicate: { 'replica 3': 'soak-full', 'replica 3 arbiter 1': 'soak-arbiter' },
  disperse: { 'disperse 6 redundancy 2': 'soak-4-2', 'disperse 3 redundancy 1': 'soak-2-1' },
};
const chosen = kinds[values.type];
if (chosen === undefined) throw new Error(`--type is one of ${Object.keys(kinds)}`);
const types = chosen;
const failures: string[] = [];

function table(rows: ReadonlyMap<string, Row>): string {
  const head = [
    ...['volume', 'healed by', 'rounds', 'operations', 'of them refused', 'bricks lost'],
    ...['while locks were held', 'while changes were under way', 'files healed', 'failures'],
  ];
  const lines = [...rows].map(([name, row]) => `| ${name} | ${Object.values(row).join(' | ')} |`);
  return [`| ${head.join(' | ')} |`, `|${head.map(() => '---').join('|')}|`, ...lines, ''].join('\n');
}

async function soak(): Promise<string> {
  await ensureFuse();
  const pool = await startPool({ subnet: values.subnet, count: 3 });
  const rows = new Map<string, Row>();
  try {
    for (const [index, [type, name]] of Object.entries(types).entries()) {
      const subnet = values.subnet.replace(/\d+$/, (last) => String((Number(last) + 100 + index) % 250));
      const world = await realWorld({ pool, name, type, subnet });
      const share = Math.ceil(rounds / 2);
      for (let round = 0; round < share; round++) {
        const seed = first + index * share + round;
        world.by = round < share / 2 ? 'glfs' : 'daemon';
        const key = `${type} | ${world.by}`;
        const row = rows.get(key) ?? {
          ...{
            rounds: 0,
            operations: 0,
            refused: 0,
            kills: 0,
            locked: 0,
            changing: 0,
            heals: 0,
            failures: 0,
          },
        };
        rows.set(key, row);
        const before = { ...world.watch.tally };
        row.rounds++;
        try {
          const { operations, refused, heals } = await playRound(
            world,
            realFlavours[seed % realFlavours.length]!,
            seed,
          );
          row.operations += operations;
          row.refused += refused;
          row.heals += heals;
        } catch (error) {
          row.failures++;
          const text = `seed ${seed}, ${type}: ${(error as Error).message}`;
          failures.push(text);
          process.stderr.write(`${text}\n`);
        }
        const { cuts, locked, changing } = world.watch.tally;
        row.kills += cuts - before.cuts;
        row.locked += locked - before.locked;
        row.changing += changing - before.changing;
        process.stderr.write(
          `round ${round + 1} of ${share}, ${type}, seed ${seed}: ${row.failures} failures\n`,
        );
      }
      await world[Symbol.asyncDispose]();
    }
  } finally {
    await pool.stop();
  }
  return table(rows);
}

void soak().then(
  (text) => {
    process.stdout.write(`${text}\n${failures.join('\n\n')}\n`);
    if (values.out !== undefined)
      writeFileSync(
        values.out,
        `# Soak\n\nWhat \`npm run soak\` printed: random schedules on real bricks, seeds from ${first}.\n\n${text}`,
      );
    process.exitCode = failures.length > 0 ? 1 : 0;
  },
  (error: unknown) => {
    process.stderr.write(`${(error as Error).stack}\n`);
    process.exitCode = 1;
  },
);
