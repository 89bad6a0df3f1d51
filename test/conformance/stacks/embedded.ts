import type { VolumeOptions } from '../../../src/index.ts';
import { type ClusterOptions, startCluster, type VolumeSpec } from '../../../src/testing/index.ts';
import type { Stack } from '../suite.ts';
import { patience, running } from './graphs.ts';

/** A volume of the embedded cluster, as programs have it: from the management server, by its URL. */
export function embedded(
  name: string,
  spec: VolumeSpec,
  more: {
    cluster?: Partial<ClusterOptions>;
    client?: VolumeOptions;
    traits?: readonly string[];
    small?: boolean;
  } = {},
): Stack {
  const layers = ['access-control', 'locks', 'barrier', 'index', 'io-stats', 'server', 'distribute', 'utime'];
  return {
    name,
    traits: ['volume', 'embedded', 'posix', ...layers, ...(more.traits ?? [])],
    small: more.small,
    async start() {
      const cluster = await startCluster({ volumes: { vol: spec }, ...more.cluster });
      return running(
        () => cluster.connect('vol', { ...patience, ...more.client }),
        {},
        () => cluster.stop(),
      );
    },
  };
}
