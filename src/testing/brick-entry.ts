import { toGlfsError } from '../errors.ts';
import { silent } from '../logger.ts';
import { BrickHost } from './brick-host.ts';
import { forwarding } from './brick-log.ts';
import type { Order, Outcome } from './brick-worker.ts';

/*
 * The process of one brick: takes orders from its parent, and ends with it.
 */
const [, , name = 'brick', wanted] = process.argv;
const log = forwarding((line) => {
  if (process.connected) process.send!({ line });
});
const host = new BrickHost(name, wanted === 'log' ? log : silent);

process.on('message', async ({ id, order, given }: Order) => {
  const answer = (outcome: Outcome): void => {
    if (process.connected) process.send!(outcome);
  };
  try {
    const act = host[order] as (...given: unknown[]) => Promise<unknown>;
    answer({ id, result: await act.apply(host, given as unknown[]) });
  } catch (error) {
    const { code, reason } = toGlfsError(error);
    answer({ id, error: { code, reason } });
  }
});
process.on('disconnect', () => process.exit());
// A terminal's ^C goes to the whole group: the parent decides when bricks end.
process.on('SIGINT', () => {});
