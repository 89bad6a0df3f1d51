import { randomUUID } from 'node:crypto';
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { GlfsError } from '../errors.ts';
import { gfidToString, newGfid } from '../protocol/gfid.ts';
import { parseBrickTemplate } from './brick-template.ts';
import type { VolumeSpec } from './types.ts';
import { checkVolumeOptions } from './volume-options.ts';
import { brickCount, customLayout, type Layout, parseVolumeType } from './volume-type.ts';

/** What a cluster keeps of a volume, beside its data. */
export interface VolumeState {
  /** UUID. */
  readonly id: string;
  readonly type?: string;
  volfile?: string;
  brickVolfile?: string;
  readonly bricks: number;
  readonly username: string;
  readonly password: string;
  options: Record<string, string>;
  /** Of the last time; 0 where there was none. */
  ports: number[];
}

export interface ClusterState {
  readonly version: 1;
  port: number;
  readonly volumes: Record<string, VolumeState>;
}

export const STATE_FILE = 'glfs-cluster.json';

/** @throws GlfsError EINVAL for a spec that is none. */
export function layoutOf(name: string, spec: VolumeSpec): Layout {
  if (!/^[A-Za-z0-9][\w-]*$/.test(name) || name.length > 200)
    throw new GlfsError('EINVAL', `volume '${name}': a name of letters, digits, _ and - is expected`);
  if ((spec.type === undefined) === (spec.volfile === undefined))
    throw new GlfsError('EINVAL', `volume '${name}': either type or volfile is expected`);
  checkVolumeOptions(spec.options ?? {});
  const layout = spec.type === undefined ? customLayout(spec.bricks ?? 0) : parseVolumeType(spec.type);
  if (spec.type !== undefined && spec.bricks !== undefined && spec.bricks !== brickCount(layout))
    throw new GlfsError('EINVAL', `volume '${name}': '${spec.type}' has ${brickCount(layout)} bricks`);
  if (spec.brickVolfile !== undefined) {
    parseBrickTemplate(name, spec.brickVolfile);
    if (layout.arbiters > 0)
      throw new GlfsError('EINVAL', `volume '${name}': the bricks of '${spec.type}' are not all alike`);
  }
  return layout;
}

/**
 * What the directory says of its cluster, or a new state where there is none. Options of `specs` go before those that are
 * kept.
 * @throws GlfsError EINVAL where the directory holds other volumes, or a file that is no state.
 */
export function loadState(directory: string, specs: Readonly<Record<string, VolumeSpec>>): ClusterState {
  const found = readState(join(directory, STATE_FILE));
  const state: ClusterState = found ?? { version: 1, port: 0, volumes: {} };
  const names = Object.keys(specs).sort();
  if (found !== undefined && Object.keys(found.volumes).sort().join() !== names.join())
    throw new GlfsError('EINVAL', `${directory} holds the volumes ${Object.keys(found.volumes).join(', ')}`);
  for (const name of names) {
    const spec = specs[name]!;
    const layout = layoutOf(name, spec);
    const known = state.volumes[name];
    if (known === undefined) state.volumes[name] = newVolume(spec, brickCount(layout));
    else if (isOther(known, spec, layout))
      throw new GlfsError(
        'EINVAL',
        `${directory} holds a volume ${name} of another kind: ${known.type ?? `${known.bricks} bricks with a volfile`}`,
      );
    else {
      Object.assign(known.options, spec.options);
      known.volfile = spec.volfile;
      known.brickVolfile = spec.brickVolfile;
    }
  }
  return state;
}

function newVolume(spec: VolumeSpec, bricks: number): VolumeState {
  return {
    id: gfidToString(newGfid()),
    type: spec.type,
    volfile: spec.volfile,
    brickVolfile: spec.brickVolfile,
    bricks,
    username: randomUUID(),
    password: randomUUID(),
    options: { ...spec.options },
    ports: Array.from({ length: bricks }, () => 0),
  };
}

/** The user's own volfiles may change, the bricks below it may not. */
function isOther(known: VolumeState, spec: VolumeSpec, layout: Layout): boolean {
  if (known.type === undefined || spec.type === undefined)
    return known.type !== spec.type || known.bricks !== brickCount(layout);
  return JSON.stringify(parseVolumeType(known.type)) !== JSON.stringify(layout);
}

function readState(path: string): ClusterState | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const state = JSON.parse(text) as ClusterState;
    if (state.version === 1 && typeof state.volumes === 'object') return state;
  } catch {}
  throw new GlfsError('EINVAL', `${path} is no state of a cluster`);
}

/** Written beside and renamed, so that a crash leaves the old one or the new one. */
export function saveState(directory: string, state: ClusterState): void {
  const path = join(directory, STATE_FILE);
  // It holds the volumes' passwords.
  writeFileSync(`${path}.new`, `${JSON.stringify(state, undefined, 2)}\n`, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

const LOCK_FILE = 'glfs-cluster.lock';

/**
 * Takes the directory for this process; what it returns gives it back.
 * @throws GlfsError EBUSY where another cluster has it.
 */
export function lockDirectory(directory: string): () => void {
  const path = join(directory, LOCK_FILE);
  const mine = `${process.pid} ${birthOf(process.pid)}\n`;
  for (let attempt = 0; ; attempt++) {
    try {
      writeFileSync(path, mine, { flag: 'wx' });
      return () => rmSync(path, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const [pid = '', birth = ''] = ownerOf(path).split(/\s/);
    const lives = /^\d+$/.test(pid) && isAlive(Number(pid)) && birthOf(Number(pid)) === birth;
    if (lives || attempt > 0)
      throw new GlfsError('EBUSY', `${directory} is in use by the cluster of process ${pid}`);
    // Its process has died without a word.
    rmSync(path, { force: true });
  }
}

function ownerOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/**
 * When a process began, in ticks since boot: process ids are used again. Empty where the host does not tell; `dead` for one
 * that has ended and that nobody has asked for its exit code, as may be for long where a container has no init.
 */
function birthOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? 'dead' : (fields[19] ?? '');
  } catch {
    return '';
  }
}
