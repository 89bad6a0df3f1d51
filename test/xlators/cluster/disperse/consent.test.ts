import { afterEach, expect, test, vi } from 'vitest';
import { connect } from '../../../../src/index.ts';
import { startCluster } from '../../../../src/testing/index.ts';

afterEach(() => vi.unstubAllEnvs());

test('a dispersed volume is refused where nobody has asked for it', async () => {
  await using cluster = await startCluster({ volumes: { d: { type: 'disperse 2+1' } } });
  const url = cluster.url('d');
  vi.stubEnv('GLFS_DISPERSE', '');
  await expect(connect(url)).rejects.toMatchObject({ code: 'EOPNOTSUPP' });
  vi.stubEnv('GLFS_DISPERSE', 'on');
  await using volume = await connect(url);
  await volume.writeFile('/file', 'bytes');
  expect(String(await volume.readFile('/file'))).toBe('bytes');
});
