import { buildGraph, type Subvolume } from '../../src/graph/index.ts';
import type { Cluster } from '../../src/testing/index.ts';
import { parseVolfile } from '../../src/volfile/index.ts';
import '../../src/xlators/index.ts';
import { connectBrick, credentialsIn } from './connect-brick.ts';
import { recordingEnvironment } from './recording-child.ts';

/** A translator of a cluster's volume to be called itself, without what stands above it, and what disconnects it. */
export async function translatorOf(
  cluster: Cluster,
  volume: string,
  type: string,
): Promise<{ subvolume: Subvolume; close(): Promise<void> }> {
  const shared: { close(): Promise<void> }[] = [];
  const share = <T extends { close(): Promise<void> }>(_key: string, create: () => T): T => {
    const made = create();
    shared.push(made);
    return made;
  };
  const connection = { volfileHost: cluster.host, managerPort: cluster.port };
  const graph = buildGraph(parseVolfile(cluster.volfile(volume)), {
    ...recordingEnvironment(),
    connection,
    share,
  });
  const close = async (): Promise<void> => {
    await graph.close();
    for (const each of shared) await each.close();
  };
  await graph.start();
  return { subvolume: find(graph.top, type)!, close };
}

function find(from: Subvolume, type: string): Subvolume | undefined {
  if (from.translator.type === type) return from;
  for (const child of from.translator.children) {
    const found = find(child, type);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** One brick of a cluster by itself: what it is told, the others never hear of. */
export function brickAlone(cluster: Cluster, volume: string, index: number): ReturnType<typeof connectBrick> {
  const { directory, port } = cluster.bricks(volume)[index]!;
  const credentials = credentialsIn(cluster.volfile(volume));
  return connectBrick({ host: cluster.host, path: directory, port, credentials });
}
