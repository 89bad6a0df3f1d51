import { chmodSync, mkdirSync } from 'node:fs';
import { connect } from '../../../src/index.ts';
import { mountVolume } from '../../helpers/mount.ts';
import type { Pool } from '../../helpers/pool.ts';
import { KernelSubject } from '../subjects/kernel.ts';
import { KernelHelper } from '../subjects/kernel-helper.ts';
import type { Stack } from '../suite.ts';
import { patience, running } from './graphs.ts';
import { probedOnBricks } from './probes.ts';

/** A distribute volume of real glusterds and real bricks, by way of glfs. */
export function glusterd(pool: Pool): Stack {
  return {
    name: 'glusterd',
    traits: ['volume', 'glusterfs', 'distribute'],
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

/** Such a volume by way of GlusterFS's own client: what differs there, too, is GlusterFS's. */
export function fuseMount(pool: Pool): Stack {
  return {
    name: 'FUSE mount',
    traits: ['glusterfs'],
    small: true,
    async start() {
      const volume = await pool.createVolume('conformance-fuse', { bricks: 3 });
      const mount = await mountVolume(pool, { volume: volume.name });
      // Others than root must get there.
      chmodSync(pool.directory, 0o755);
      mkdirSync(mount.at('top'));
      const helper = new KernelHelper();
      const subject = new KernelSubject(mount.at('top'), () => helper);
      return {
        subject,
        lacks: await probedOnBricks(subject),
        async stop() {
          await helper.close();
          await mount.unmount();
          await volume.delete();
        },
      };
    },
  };
}
