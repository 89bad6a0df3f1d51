import { connect } from '../../src/index.ts';
import { blockSize, makeBlock } from './blocks.ts';
import { Dice } from './chaos/dice.ts';

/*
 * A client that is to be killed: it writes numbered blocks, makes, renames and removes files, and says what was acknowledged,
 * line by line. Arguments: URL, directory, seed.
 */
const [url, directory, seed] = process.argv.slice(2) as [string, string, string];
const say = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`);

async function work(): Promise<never> {
  const dice = new Dice(Number(seed));
  const volume = await connect(url, { entryTimeout: 0 });
  const file = await volume.open(`${directory}/blocks`, 'r+');
  const names = ['one', 'two', 'three'];
  for (const name of names) await volume.writeFile(`${directory}/${name}`, name);
  say({ ready: true });
  const write = async (): Promise<never> => {
    for (let generation = 1; ; generation++) {
      const block = dice.below(8);
      await file.pwrite(makeBlock(1, block, generation), block * blockSize);
      say({ block, generation });
    }
  };
  const move = async (): Promise<never> => {
    for (let serial = 0; ; serial++) {
      const index = dice.below(names.length);
      const name = `${['one', 'two', 'three'][index]}.${serial}`;
      await volume.rename(`${directory}/${names[index]}`, `${directory}/${name}`);
      names[index] = name;
      say({ index, name });
      await volume.writeFile(`${directory}/short`, 'x');
      await volume.unlink(`${directory}/short`);
    }
  };
  await Promise.all([write(), move()]);
  throw new Error('never');
}

work().catch((error: unknown) => {
  process.stderr.write(`${(error as Error).stack}\n`);
  process.exitCode = 1;
});
