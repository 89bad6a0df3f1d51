import { expect, test } from 'vitest';
import { connect } from '../../../../src/index.ts';
import { startCluster } from '../../../../src/testing/index.ts';

const NAMES = Array.from({ length: 16 }, (_, index) => `name-${index}`);

test.each(['replicate 3 x 2', 'disperse 2+1 x 2'])(
  'linkto files are not listed where their set does not vouch for attributes: %s',
  async (type) => {
    await using cluster = await startCluster({ volumes: { v: { type } } });
    await using volume = await connect(cluster.url('v'), { entryTimeout: 0 });
    await volume.mkdir('/dir');
    for (const name of NAMES) await volume.writeFile(`/dir/old-${name}`, name);
    for (const name of NAMES) await volume.rename(`/dir/old-${name}`, `/dir/${name}`);
    const linkto = await Promise.all(cluster.bricks('v').map((brick) => brick.counts()));
    expect(linkto.some((counts) => (counts.link ?? 0) + (counts.mknod ?? 0) > 0)).toBe(true);
    await cluster.bricks('v')[0]!.kill();
    await volume.writeFile('/dir/new', 'new');
    const listed = await volume.readdir('/dir');
    expect(listed.sort()).toEqual([...NAMES, 'new'].sort());
    for (const name of NAMES) expect(await volume.readFile(`/dir/${name}`, 'utf8')).toBe(name);
  },
);
