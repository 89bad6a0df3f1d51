import { GlfsError } from '../errors.ts';
import { parseVolfile, type Volfile, type VolfileNode } from '../volfile/index.ts';
import { type BrickPlan, node, type VolumePlan } from './volume-plan.ts';

/** All options of a node that has those of the template. */
export type Completion = (node: VolfileNode) => Iterable<readonly [key: string, value: string]>;

/** The translator that faults are ordered of. */
export interface FaultsLayer {
  readonly type: string;
  readonly options: readonly (readonly [key: string, value: string])[];
}

const SERVER = 'protocol/server';
const STORE = 'storage/posix';

/**
 * A brick volfile of the user's own, as a template. Places are filled in behind the parser: a directory with a space in it
 * needs no quotes of the user's.
 * @throws VolfileError EINVAL where it is no volfile, GlfsError EINVAL where no brick can be made of it.
 */
export function parseBrickTemplate(volume: string, template: string): Volfile {
  const volfile = parseVolfile(template, { source: `brick volfile of ${volume}` });
  const wrong = (reason: string): GlfsError =>
    new GlfsError('EINVAL', `brick volfile of ${volume}: ${reason}`);
  const { nodes, top } = volfile;
  const servers = nodes.filter(({ type }) => type === SERVER);
  if (servers.length !== 1 || servers[0]!.name !== top) throw wrong(`one ${SERVER} is expected, at the top`);
  if (servers[0]!.subvolumes.length !== 1) throw wrong(`one subvolume of ${SERVER} is expected`);
  if (nodes.filter(({ type }) => type === STORE).length !== 1) throw wrong(`one ${STORE} is expected`);
  if (nodes.some(({ type }) => type === 'debug/faults'))
    throw wrong(`debug/faults is put below ${SERVER} by the cluster`);
  return volfile;
}

/** Fills in what only the cluster knows, adds what `complete` knows of, and puts `faults` below the server. */
export function fillBrickTemplate(
  plan: VolumePlan,
  brick: BrickPlan,
  template: string,
  faults: FaultsLayer,
  complete: Completion,
): Volfile {
  const values: Readonly<Record<string, string>> = {
    HOST: plan.host,
    VOLUME: plan.name,
    VOLUME_ID: plan.id,
    NAME: `${plan.name}-${brick.index}`,
    INDEX: String(brick.index),
    DIRECTORY: brick.directory,
    PORT: String(brick.port),
  };
  const filled = (text: string): string =>
    text.replace(/@([A-Z_]+)@/g, (whole, name: string) =>
      Object.hasOwn(values, name) ? values[name]! : whole,
    );
  const parsed = parseBrickTemplate(plan.name, template);
  const nodes = parsed.nodes.map((each) => {
    const written = [...each.options].map(([key, value]) => [filled(key), filled(value)] as const);
    const draft = node(filled(each.name), each.type, written, each.subvolumes.map(filled));
    return node(draft.name, draft.type, complete(draft), draft.subvolumes);
  });
  const server = nodes.pop()!;
  // What clients attach to bears the brick's directory for a name, if nothing of the user's does.
  const attached = nodes.some(({ name }) => name === brick.directory);
  const watched = node(
    attached ? `${plan.name}-faults` : brick.directory,
    faults.type,
    faults.options,
    server.subvolumes,
  );
  nodes.push(watched, node(server.name, server.type, server.options, [watched.name]));
  return { nodes, top: server.name };
}
