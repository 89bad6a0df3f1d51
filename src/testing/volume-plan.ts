import type { VolfileNode } from '../volfile/index.ts';
import type { VolumeOptionValues } from './volume-options.ts';
import type { Layout } from './volume-type.ts';

/** Where a brick is. */
export interface BrickPlan {
  readonly index: number;
  /** Absolute path. */
  readonly directory: string;
  /** 0 until it listens for the first time. */
  readonly port: number;
}

/** Files with certificates, PEM. */
export interface TlsFiles {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** All that the volfiles of a volume follow from. */
export interface VolumePlan {
  readonly name: string;
  /** UUID. */
  readonly id: string;
  readonly layout: Layout;
  readonly options: VolumeOptionValues;
  /** Login of `auth.login`, made with the volume. */
  readonly username: string;
  readonly password: string;
  readonly host: string;
  readonly managementPort: number;
  readonly bricks: readonly BrickPlan[];
  /** A client volfile of the user's own. */
  readonly template?: string;
  /** A brick volfile of the user's own. */
  readonly brickTemplate?: string;
  readonly tls?: TlsFiles;
  /** Seed of the cluster's faults. */
  readonly seed: number;
}

export function node(
  name: string,
  type: string,
  options: Iterable<readonly [key: string, value: string]>,
  subvolumes: readonly string[] = [],
): VolfileNode {
  return { name, type, options: new Map(options), subvolumes, line: 0 };
}

/** As glusterd names brick volfiles: `VOLUME.HOST.path-with-dashes`. */
export function brickVolfileId({ name, host }: VolumePlan, { directory }: BrickPlan): string {
  return `${name}.${host}.${directory.replace(/^\//, '').replaceAll('/', '-')}`;
}
