import type { VolumeOptions } from '../../../src/index.ts';
import { type ClusterOptions, startCluster, type VolumeSpec } from '../../../src/testing/index.ts';
import type { Lacks } from '../subject.ts';
import type { Stack } from '../suite.ts';
import { patience, running } from './graphs.ts';
import { place } from './places.ts';

/** A volume of the embedded cluster, as programs have it: from the management server, by its URL. */
export function embedded(
  name: string,
  spec: VolumeSpec,
  more: {
    lacks?: Lacks;
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
    lacks: more.lacks,
    small: more.small,
    async start() {
      const { directory, remove } = place();
      const cluster = await startCluster({ volumes: { vol: spec }, directory, ...more.cluster });
      return running(
        () => cluster.connect('vol', { ...patience, ...more.client }),
        more.lacks ?? {},
        () => cluster.stop().finally(remove),
      );
    },
  };
}
