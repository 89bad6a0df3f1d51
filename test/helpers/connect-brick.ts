import { buildGraph, type Subvolume } from '../../src/graph/index.ts';
import { parseVolfile } from '../../src/volfile/index.ts';
import '../../src/xlators/index.ts';
import { recordingEnvironment } from './recording-child.ts';

/** A brick to be reached by protocol/client alone. */
export interface BrickAddress {
  readonly host: string;
  /** Its directory, as its server names it. */
  readonly path: string;
  /** 0 asks the management server. */
  readonly port?: number;
  /** Options `username` and `password`, as a volfile has them. */
  readonly credentials?: string;
}

/** One brick with nothing above it, and what disconnects it. */
export async function connectBrick({
  host,
  path,
  port = 0,
  credentials = '',
}: BrickAddress): Promise<{ brick: Subvolume; close(): Promise<void> }> {
  const text = `volume b type protocol/client option remote-host ${host} option remote-port ${port} option remote-subvolume ${path} ${credentials} end-volume`;
  const shared: { close(): Promise<void> }[] = [];
  const share = <T extends { close(): Promise<void> }>(_key: string, create: () => T): T => {
    const made = create();
    shared.push(made);
    return made;
  };
  const graph = buildGraph(parseVolfile(text), { ...recordingEnvironment(), share });
  const close = async (): Promise<void> => {
    await graph.close();
    for (const each of shared) await each.close();
  };
  await graph.start();
  return { brick: graph.top, close };
}

/** The login that the embedded cluster put into a client volfile. */
export function credentialsIn(volfile: string): string {
  const said = /option username (\S+)[\s\S]*?option password (\S+)/.exec(volfile);
  return said === null ? '' : `option username ${said[1]} option password ${said[2]}`;
}
