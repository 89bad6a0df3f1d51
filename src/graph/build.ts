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
 * Builds the graph that a volfile describes.
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
  for (const node of volfile.nodes) {
    const children = node.subvolumes.map((name) => built.get(name)!);
    const type = translatorType(node.type);
    if (type === undefined) {
      built.set(node.name, skipped(node, children, environment));
      continue;
    }
    const given = withOverrides(node, overrides);
    const options = readOptions(type.options, given, node.name, (key) =>
      environment.logger.debug(
        { translator: node.name, type: node.type, option: key },
        'unknown option ignored',
      ),
    );
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
  return new Graph(built.get(volfile.top)!, translators);
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

function withOverrides(node: VolfileNode, overrides: readonly OptionOverride[]): ReadonlyMap<string, string> {
  const matching = overrides.filter((override) => globToRegExp(override.pattern).test(node.name));
  if (matching.length === 0) return node.options;
  return new Map([...node.options, ...matching.map(({ key, value }) => [key, value] as const)]);
}

function globToRegExp(pattern: string): RegExp {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${source}$`, 's');
}
