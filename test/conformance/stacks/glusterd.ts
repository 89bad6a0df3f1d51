import { connect } from '../../../src/index.ts';
import type { Pool } from '../../helpers/pool.ts';
import type { Stack } from '../suite.ts';
import { patience, running } from './graphs.ts';

/** A distribute volume of real glusterds and real bricks. */
export function glusterd(pool: Pool): Stack {
  return {
    name: 'glusterd',
    traits: ['volume', 'distribute', 'glusterfs'],
    async start() {
      const volume = await pool.createVolume('conformance', { bricks: 3 });
      return running(
        () => connect(volume.url, patience),
        {},
        () => volume.delete(),
      );
    },
  };
}
