import type { Healer } from '../../api/heal/healer.ts';
import { command } from '../command.ts';
import { UsageError } from '../errors.ts';
import { type HealOrder, parseHealOrder } from '../heal-operands.ts';
import { reportHeals, reportInfo, reportResolution } from '../heal-report.ts';
import { type Location, locate } from '../locate.ts';
import { quote } from '../quote.ts';
import type { Session } from '../session.ts';

/**
 * To see what is wrong takes one copy only, and nothing but heals is written. What the command heals it heals itself, in the
 * open.
 */
const WISHES = {
  '*-replicate-*.quorum-type': 'none',
  '*-replicate-*.background-self-heal-count': '0',
  '*-disperse-*.background-heals': '0',
};

function volumeAt(url: string): Location {
  const location = locate(url);
  if (/^\/*$/.test(location.path)) return location;
  throw new UsageError(`heal: a volume is expected, not a path in it: '${url}'`);
}

async function execute(session: Session, healer: Healer, order: HealOrder): Promise<void> {
  const { signal } = session;
  if (order.do === 'info') return reportInfo(session, healer, order.form);
  if (order.do === 'start') return reportHeals(session, healer.start({ full: order.full, signal }));
  if (order.do === 'resolve-all') return reportHeals(session, healer.resolveFrom(order.source, { signal }));
  const { file, choice } = order;
  return reportResolution(session, file, healer.resolve(file, choice, { signal }));
}

export const heal = command({
  name: 'heal',
  summary: 'heal the copies or fragments of a volume, or show what is to be healed',
  operands:
    'URL [info [summary|split-brain] | start [full] | split-brain latest-mtime|bigger-file FILE | split-brain source-brick HOST:BRICK [FILE]]',
  description:
    'Does what gluster volume heal does, by calls to the bricks alone. FILE is a path from the root of the volume, or gfid:UUID.',
  options: [],
  examples: [
    ['heal gluster://server/vol', 'what each brick knows to be unhealed (as with info)'],
    ['heal gluster://server/vol start', 'heal it, and say what could not be healed'],
    ['heal gluster://server/vol start full', 'all files: a brick has lost its data'],
    ['heal gluster://server/vol split-brain latest-mtime /vm/disk', 'the copy written last is right'],
    ['heal gluster://server/vol split-brain source-brick s1:/b1', 'this brick is right about everything'],
  ],
  async run(session, [url, ...words]) {
    if (url === undefined) throw new UsageError('missing operand');
    const location = volumeAt(url);
    const order = parseHealOrder(words);
    await session.report.attempt(`cannot heal ${quote(url)}`, async () => {
      const { volume } = await session.openAt(location, WISHES);
      await execute(session, volume.healer(), order);
    });
  },
});
