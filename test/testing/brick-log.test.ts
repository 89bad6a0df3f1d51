import { expect, it } from 'vitest';
import { GlfsError } from '../../src/errors.ts';
import { connect } from '../../src/index.ts';
import type { Logger } from '../../src/logger.ts';
import { forwarding, type LogLine } from '../../src/testing/brick-log.ts';
import { startCluster } from '../../src/testing/index.ts';
import { waitUntil } from '../helpers/wait.ts';

it('lines cross to another process as data: errors with their code, anything else as text', () => {
  const lines: LogLine[] = [];
  const log = forwarding((line) => lines.push(structuredClone(line)));
  log.warn({ err: new GlfsError('EIO', 'gone'), count: 3, self: () => {} }, 'a message');
  const err = { type: 'GlfsError', code: 'EIO', message: 'EIO: gone', stack: expect.any(String) as string };
  const details = { err, count: 3, self: expect.any(String) as string };
  expect(lines).toEqual([{ level: 'warn', message: 'a message', details }]);
});

it('what bricks in workers log is heard', async () => {
  const heard: string[] = [];
  const hear: Logger['info'] = (_details, message) => void heard.push(message);
  const logger: Logger = { debug: hear, info: hear, warn: hear, error: hear };
  const volumes = { demo: { type: 'distribute 1' } };
  await using cluster = await startCluster({ volumes, bricks: 'workers', logger });
  await using _volume = await connect(cluster.url('demo'));
  await waitUntil(() => heard.includes('a client attached'), { what: "the worker's line" });
});
