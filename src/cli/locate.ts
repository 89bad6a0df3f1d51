import { parseVolumeUrl } from '../api/connect/index.ts';
import { decodeText, encodeText } from '../xdr/index.ts';
import { UsageError } from './errors.ts';

/** A file of a volume, as the command line names it. */
export interface Location {
  /** As the user wrote it; for messages. */
  readonly url: string;
  /** URL of the volume alone: what is connected to. Equal for locations in one volume. */
  readonly volumeUrl: string;
  /** `vol`, or `/snaps/SNAP/VOL`. */
  readonly volume: string;
  /** Path in the volume, absolute, decoded; ends in `/` where the URL does. */
  readonly path: string;
}

const SCHEME = /^(?:gluster(?:\+[a-z]+)?:\/\/|bricks:\/)/i;
const BRICKS = /^bricks:(\/.*)$/is;
const URL_SHAPE = /^(gluster(?:\+[a-z]+)?):\/\/([^/]*)(\/.*)?$/is;

export function isVolumeUrl(text: string): boolean {
  return SCHEME.test(text);
}

/**
 * Splits `gluster://host[:port][,host2]/volume/path` and `…/snaps/SNAP/VOLUME/path`. In the path, `%` followed by two
 * hexadecimal digits stands for a byte, anything else for itself: `?`, `#` and a lone `%` need no escape. `bricks:/path` is a
 * file of the volume whose brick directories `--bricks` names.
 * @throws UsageError for what is no such URL
 */
export function locate(url: string): Location {
  const offline = BRICKS.exec(url);
  if (offline !== null) return { url, volumeUrl: 'bricks:', volume: 'bricks', path: decodePath(offline[1]!) };
  const match = URL_SHAPE.exec(url);
  if (match === null)
    throw new UsageError(`not a volume URL: '${url}': gluster://HOST/VOLUME/PATH is expected`);
  const [, scheme = '', authority = '', tail = ''] = match;
  const { rest, query } = splitQuery(scheme, tail);
  const { volume, path } = splitPath(rest);
  const segments = volume.split('/').map((segment) => encodeURIComponent(decodePath(segment)));
  const volumeUrl = `${scheme.toLowerCase()}://${authority}/${segments.join('/')}${query}`;
  return { url, volumeUrl, volume: nameOf(volumeUrl, url), path: decodePath(path) };
}

/** Only a unix socket has a query; elsewhere `?` is a character of names. */
function splitQuery(scheme: string, tail: string): { rest: string; query: string } {
  const at = /^gluster\+unix$/i.test(scheme) ? tail.lastIndexOf('?socket=') : -1;
  return at < 0 ? { rest: tail, query: '' } : { rest: tail.slice(0, at), query: tail.slice(at) };
}

const SNAPSHOT = /^\/+(snaps\/+[^/]+\/+[^/]+)(\/.*)?$/s;
const PLAIN = /^\/+([^/]+)(\/.*)?$/s;

function splitPath(tail: string): { volume: string; path: string } {
  const match = SNAPSHOT.exec(tail) ?? PLAIN.exec(tail);
  return { volume: match?.[1]?.replace(/\/+/g, '/') ?? '', path: match?.[2] ?? '/' };
}

function nameOf(volumeUrl: string, url: string): string {
  try {
    return parseVolumeUrl(volumeUrl).volume;
  } catch (error) {
    throw new UsageError((error as { reason: string }).reason.replace(volumeUrl, url));
  }
}

/** Percent-encoded bytes as text; those that are no UTF-8 as surrogate escapes, as everywhere in glfs. */
export function decodePath(text: string): string {
  return text.replace(/(?:%[0-9a-f]{2})+/gi, (run) =>
    decodeText(Buffer.from(run.replaceAll('%', ''), 'hex')),
  );
}

/** The opposite for a name that was listed: escapes only what would not be read back as it is. */
export function encodeName(name: string): string {
  return name
    .replace(/%(?=[0-9a-f]{2})/gi, '%25')
    .replace(/[\ud800-\udbff][\udc00-\udfff]|[\udc80-\udcff]/g, (unit) =>
      unit.length === 2 ? unit : `%${encodeText(unit)[0]!.toString(16)}`,
    );
}

export function childOf(parent: Location, name: string): Location {
  const scheme = parent.url.slice(0, parent.url.indexOf(':'));
  const { rest, query } = splitQuery(scheme, parent.url);
  return {
    ...parent,
    url: `${joinPath(rest, encodeName(name))}${query}`,
    path: joinPath(parent.path, name),
  };
}

export function joinPath(directory: string, name: string): string {
  return directory.endsWith('/') ? `${directory}${name}` : `${directory}/${name}`;
}

/** The last name of a path, without slashes behind it; empty for the root. */
export function baseName(path: string): string {
  const trimmed = path.replace(/\/+$/, '');
  return trimmed.slice(trimmed.lastIndexOf('/') + 1);
}

/** The directory that a location is in; the root is in itself. */
export function parentOf(location: Location): Location {
  const scheme = location.url.slice(0, location.url.indexOf(':'));
  const { rest, query } = splitQuery(scheme, location.url);
  const above = (text: string): string => text.replace(/\/+[^/]*\/*$/, '');
  const path = above(location.path);
  return path === '' ? { ...location, path: '/' } : { ...location, url: `${above(rest)}${query}`, path };
}
