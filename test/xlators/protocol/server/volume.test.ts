import { expect, test } from 'vitest';
import { Served } from './served.ts';

test('our own client', async () => {
  await using served = await Served.start();
  const volume = await served.volume();
  await volume.mkdir('/d');
  await volume.writeFile('/d/f', 'hello');
  expect(await volume.readFile('/d/f', 'utf8')).toBe('hello');
  expect(await volume.readdir('/d')).toEqual(['f']);
  await volume.rename('/d/f', '/d/g');
  await expect(volume.stat('/d/f')).rejects.toMatchObject({ code: 'ENOENT' });
  expect((await volume.stat('/d/g')).size).toBe(5);
  await volume.unlink('/d/g');
  await volume.rmdir('/d');
});
