import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { HostGroups } from '../../../../src/xlators/protocol/server/groups.ts';
import { recordingEnvironment } from '../../../helpers/recording-child.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'glfs-groups-'));
  writeFileSync(join(directory, 'passwd'), 'root:x:0:0::/:/bin/sh\nalice:x:1000:100::/:/bin/sh\n');
  writeFileSync(
    join(directory, 'group'),
    '# local\nusers:x:100:\nwheel:x:10:bob,alice\ndisk:x:6:alice\nalic:x:7:alicee\n',
  );
});
afterEach(() => rmSync(directory, { recursive: true }));

test('are those of the host, the primary one first; unknown users have none', async () => {
  const groups = new HostGroups(1000, recordingEnvironment().logger, directory);
  expect(await groups.of(1000, 100)).toEqual([100, 10, 6]);
  expect(await groups.of(1001, 100)).toEqual([]);
});

test('are remembered for a while, and not longer', async () => {
  const [long, none] = [60_000, 0].map(
    (life) => new HostGroups(life, recordingEnvironment().logger, directory),
  );
  await Promise.all([long!.of(1000, 100), none!.of(1000, 100)]);
  writeFileSync(join(directory, 'group'), 'wheel:x:10:alice\n');
  expect(await long!.of(1000, 100)).toEqual([100, 10, 6]);
  expect(await none!.of(1000, 100)).toEqual([100, 10]);
});

test('that can’t be read are none, with a warning', async () => {
  const environment = recordingEnvironment();
  const groups = new HostGroups(1000, environment.logger, join(directory, 'none'));
  expect(await groups.of(1000, 100)).toEqual([]);
  expect(environment.lines).toHaveLength(1);
});
