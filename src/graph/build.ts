import { GlfsError } from '../errors.ts';
import type { Volfile, VolfileNode } from '../volfile/index.ts';
import { Graph } from './graph.ts';
import { readOptions } from './options.ts';
import { translatorType } from './registry.ts';
import { type Environment, type Subvolume, type Translator, toSubvolume } from './translator.ts';

/** An option that the caller sets on all translators whose name matches, as `glfs_set_xlator_option` does. */
export interface OptionOverride {
  /** Shell pattern (`*`, `?`) for the names of translators. */
  readonly pattern: string;
  readonly key: string;
  readonly value: string;
}

/** A type that is not known here, by its category: pass over it, or refuse the volume. */
const skippable = new Set(['performance', 'debug', 'meta']);

/**
 * Builds the graph that a volfile describes. Options that nobody knows, of the volfile or the caller, are logged as warnings.
 * @throws GlfsError EOPNOTSUPP for a translator type that is unknown and could change what the data mean, EINVAL for an
 *   option that does not parse.
 */
export function buildGraph(
  volfile: Volfile,
  environment: Environment,
  overrides: readonly OptionOverride[] = [],
): Graph {
  const built = new Map<string, Subvolume>();
  const translators: Translator[] = [];
  const heard = new Set<OptionOverride>();
  const wishes = defaultsFromAbove(volfile);
  for (const node of volfile.nodes) {
    const children = node.subvolumes.map((name) => built.get(name)!);
    const type = translatorType(node.type);
    if (type === undefined) {
      built.set(node.name, skipped(node, children, environment));
      continue;
    }
    const matching = overrides.filter((override) => globToRegExp(override.pattern).test(node.name));
    const given = withOverrides(node, wishes.get(node.name), matching);
    const unknown = new Set<string>();
    const options = readOptions(type.options, given, node.name, (key) => unknown.add(key));
    for (const override of matching) if (!unknown.has(override.key)) heard.add(override);
    for (const key of unknown) if (node.options.has(key)) warnUnknown(node, key, environment);
    const translator = type.create({
      name: node.name,
      type: node.type,
      children,
      options,
      rawOptions: given,
      environment,
    });
    translators.push(translator);
    built.set(node.name, toSubvolume(translator));
  }
  // A pattern may match many translators of which only some have the option: it is in vain where none has.
  for (const override of overrides) {
    if (heard.has(override)) continue;
    const { pattern, key } = override;
    environment.logger.warn({ pattern, option: key }, 'an option of the caller fits no translator');
  }
  return new Graph(built.get(volfile.top)!, translators);
}

function warnUnknown(node: VolfileNode, option: string, environment: Environment): void {
  environment.logger.warn({ translator: node.name, type: node.type, option }, 'unknown option ignored');
}

function skipped(node: VolfileNode, children: readonly Subvolume[], environment: Environment): Subvolume {
  const category = node.type.split('/', 1)[0]!;
  if (!skippable.has(category) || children.length !== 1) {
    throw new GlfsError(
      'EOPNOTSUPP',
      `volume ${environment.volume} needs the translator ${node.type}, which glfs does not have: without it data could be misread`,
      { translator: node.name },
    );
  }
  environment.logger.warn(
    { translator: node.name, type: node.type },
    `translator type ${node.type} is skipped`,
  );
  // The parent still knows it by the skipped node's name: with performance.parallel-readdir, trusted.glusterfs.dht.linkto,
  // decommissioned-bricks and switch patterns name VOLUME-readdir-ahead-N, not the client below it.
  return { ...children[0]!, name: node.name };
}

/** By node: what translators above it want of it. The nearest one decides. Bottom-up is the order of volfiles. */
function defaultsFromAbove({ nodes }: Volfile): ReadonlyMap<string, Readonly<Record<string, string>>> {
  const wishes = new Map<string, Readonly<Record<string, string>>>();
  for (const node of [...nodes].reverse()) {
    const mine = { ...wishes.get(node.name), ...translatorType(node.type)?.defaultsBelow };
    for (const child of node.subvolumes) wishes.set(child, { ...wishes.get(child), ...mine });
  }
  return wishes;
}

function withOverrides(
  node: VolfileNode,
  wishes: Readonly<Record<string, string>> = {},
  overrides: readonly OptionOverride[] = [],
): ReadonlyMap<string, string> {
  const known = translatorType(node.type)?.options ?? {};
  const wanted = Object.entries(wishes).filter(([key]) => key in known);
  if (overrides.length === 0 && wanted.length === 0) return node.options;
  return new Map([...wanted, ...node.options, ...overrides.map(({ key, value }) => [key, value] as const)]);
}

function globToRegExp(pattern: string): RegExp {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${source}$`, 's');
}
