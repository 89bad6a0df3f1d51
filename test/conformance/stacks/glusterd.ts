import { connect, type Volume } from '../../../src/index.ts';
import type { Pool } from '../../helpers/pool.ts';
import { VolumeSubject } from '../subjects/volume.ts';
import type { Stack } from '../suite.ts';
import { probed } from './probes.ts';

/** A distribute volume of real glusterds and real bricks. */
export function glusterd(pool: Pool): Stack {
  return {
    name: 'glusterd',
    traits: ['volume', 'distribute', 'glusterfs'],
    async start() {
      const volume = await pool.createVolume('conformance', { bricks: 3 });
      const clients: Volume[] = [];
      const client = async (): Promise<Volume> => {
        const made = await connect(volume.url);
        clients.push(made);
        return made;
      };
      let second: Promise<Volume> | undefined;
      const subject = new VolumeSubject(await client(), () => {
        second ??= client();
        return second;
      });
      return {
        subject,
        lacks: await probed(subject),
        async stop() {
          for (const each of clients) await each.close();
          await volume.delete();
        },
      };
    },
  };
}
