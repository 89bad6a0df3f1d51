import { GlfsError, type GlfsErrorDetails } from '../errors.ts';

/** One `volume … end-volume` block. */
export interface VolfileNode {
  readonly name: string;
  /** `category/name`, as in `cluster/distribute`. */
  readonly type: string;
  /** In the order of the file. Keys and values are never empty. */
  readonly options: ReadonlyMap<string, string>;
  /** Names of nodes that stand earlier in the file. */
  readonly subvolumes: readonly string[];
  /** Line of the `volume` keyword, from 1; 0 in a model that was not read from text. */
  readonly line: number;
}

/** A graph as its text describes it: every node stands after its subvolumes, the last one is the top. */
export interface Volfile {
  readonly nodes: readonly VolfileNode[];
  readonly top: string;
}

/** A place in a volfile. Lines and columns count from 1, columns in UTF-16 units. */
export interface VolfilePosition {
  readonly source: string;
  readonly line: number;
  readonly column: number;
}

/** A volfile that does not follow the grammar: code EINVAL, the message starts with `source:line:column`. */
export class VolfileError extends GlfsError implements VolfilePosition {
  readonly source: string;
  readonly line: number;
  readonly column: number;
  /** The message without the position. */
  readonly problem: string;

  constructor(problem: string, position: VolfilePosition, details: GlfsErrorDetails = {}) {
    super('EINVAL', `${position.source}:${position.line}:${position.column}: ${problem}`, details);
    this.source = position.source;
    this.line = position.line;
    this.column = position.column;
    this.problem = problem;
  }

  override with(details: GlfsErrorDetails): VolfileError {
    const { syscall, path, dest, fop, translator, brick, gfid, outcome, cause } = this;
    const known = { syscall, path, dest, fop, translator, brick, gfid, outcome, cause };
    const copy = new VolfileError(this.problem, this, { ...known, ...details });
    if (this.stack !== undefined) copy.stack = this.stack.replace(this.message, () => copy.message);
    return copy;
  }
}

/** The words that open a statement; as a name or a value they must stand in quotes. */
export const keywords = ['volume', 'type', 'option', 'subvolumes', 'subvolumeS', 'end-volume'] as const;

/** `category/name`; a single word (`meta`) is legal too, since GlusterFS has one such type. */
export const typePattern = /^[A-Za-z0-9_][\w.+-]*(?:\/[A-Za-z0-9_][\w.+-]*)?$/;

export function findNode(volfile: Volfile, name: string): VolfileNode | undefined {
  return volfile.nodes.find((node) => node.name === name);
}

/** All nodes of a type, in the order of the file. */
export function findNodes(volfile: Volfile, type: string): VolfileNode[] {
  return volfile.nodes.filter((node) => node.type === type);
}

/** Where a protocol/client node connects to. */
export interface BrickAddress {
  /** Name of the node. */
  readonly name: string;
  /**
   * `remote-host`. glusterd leaves it out for the snapshot daemon and for gfproxy: then it is the server that the
   * volfile was fetched from.
   */
  readonly host: string | undefined;
  /** `remote-port`; without it glusterd's portmapper is asked. */
  readonly port: number | undefined;
  /** `remote-subvolume`: the brick's path, or a service's name such as `snapd-VOLUME`. */
  readonly remoteSubvolume: string;
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** `transport-type`, mostly `tcp`; `unix` with `transport.socket.connect-path`. */
  readonly transport: string;
  readonly tls: boolean;
}

const TRUE_WORDS = new Set(['1', 'on', 'yes', 'true', 'enable']);

/**
 * The addresses of all protocol/client nodes, in the order of the file.
 * @throws GlfsError EINVAL for a node without remote-subvolume or with a port that is none
 */
export function bricks(volfile: Volfile): BrickAddress[] {
  return findNodes(volfile, 'protocol/client').map((node) => {
    const { options } = node;
    const remoteSubvolume = options.get('remote-subvolume');
    if (remoteSubvolume === undefined) {
      throw new GlfsError('EINVAL', `volume '${node.name}' has no remote-subvolume`, {
        translator: node.name,
      });
    }
    const tls = options.get('transport.socket.ssl-enabled') ?? 'off';
    return {
      name: node.name,
      host: options.get('remote-host'),
      port: portOf(node),
      remoteSubvolume,
      username: options.get('username'),
      password: options.get('password'),
      transport: options.get('transport-type') ?? 'tcp',
      tls: TRUE_WORDS.has(tls.toLowerCase()),
    };
  });
}

function portOf(node: VolfileNode): number | undefined {
  const text = node.options.get('remote-port');
  if (text === undefined) return undefined;
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port < 1 || port > 65535) {
    throw new GlfsError('EINVAL', `volume '${node.name}': remote-port '${text}' is no port`, {
      translator: node.name,
    });
  }
  return port;
}

/** The distinct hosts that the volfile names, in the order of the file: any of them may serve the next volfile. */
export function servers(volfile: Volfile): string[] {
  const hosts = bricks(volfile).map((brick) => brick.host);
  return [...new Set(hosts.filter((host) => host !== undefined))];
}
