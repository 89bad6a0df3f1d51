import { GlfsError } from '../../errors.ts';

/** Where a management server listens. */
export type VolfileServer =
  | { readonly transport: 'tcp'; readonly host: string; readonly port: number }
  | { readonly transport: 'unix'; readonly path: string };

/** What a gluster URL names. */
export interface VolumeAddress {
  readonly servers: readonly VolfileServer[];
  /** As the management server knows it: `vol`, or `/snaps/SNAP/VOL` for a snapshot. */
  readonly volume: string;
  /** Directory on the server side that stands for the root; without slashes around it. */
  readonly subdirectory?: string;
  readonly tls: boolean;
}

export const GLUSTERD_PORT = 24007;

const schemes: Readonly<Record<string, { transport: 'tcp' | 'unix'; tls: boolean }>> = {
  gluster: { transport: 'tcp', tls: false },
  'gluster+tcp': { transport: 'tcp', tls: false },
  'gluster+tls': { transport: 'tcp', tls: true },
  'gluster+unix': { transport: 'unix', tls: false },
};

/**
 * Reads `gluster[+tcp|+tls]://host[:port][,host2[:port]…]/volume[/subdirectory]`, `…/snaps/SNAP/VOLUME[/subdirectory]`,
 * and QEMU's `gluster+unix:///volume?socket=/path`. IPv6 addresses stand in brackets; the path may be percent-encoded.
 * @throws GlfsError EINVAL, with what would be right.
 */
export function parseVolumeUrl(url: string): VolumeAddress {
  const match = /^([a-z+]+):\/\/([^/]*)(\/[^?]*)?(?:\?(.*))?$/i.exec(url);
  const scheme = match === null ? undefined : schemes[match[1]!.toLowerCase()];
  if (match === null || scheme === undefined)
    throw bad(url, 'gluster://host[:port][,host2]/volume[/subdirectory] is expected');
  const segments = (match[3] ?? '')
    .split('/')
    .filter((segment) => segment !== '')
    .map((segment) => decode(url, segment));
  const { volume, rest } = splitVolume(url, segments);
  const servers = scheme.transport === 'unix' ? [unixServer(url, match[4])] : tcpServers(url, match[2]!);
  return { servers, volume, subdirectory: rest.length === 0 ? undefined : rest.join('/'), tls: scheme.tls };
}

function splitVolume(url: string, segments: string[]): { volume: string; rest: string[] } {
  // After decoding: %2e%2e and %2f are no way around it.
  if (segments.some((segment) => segment === '..' || segment === '.' || /[/\0]/.test(segment))) {
    throw bad(url, "the path must not contain '.', '..' or an encoded '/'");
  }
  if (segments[0] === 'snaps' && segments.length >= 3) {
    return { volume: `/snaps/${segments[1]}/${segments[2]}`, rest: segments.slice(3) };
  }
  if (segments[0] === undefined) throw bad(url, 'it names no volume');
  return { volume: segments[0], rest: segments.slice(1) };
}

function tcpServers(url: string, authority: string): VolfileServer[] {
  if (authority === '') throw bad(url, 'it names no host');
  return authority.split(',').map((part) => parseServer(part, url));
}

/** Reads `host`, `host:port`, `[v6]:port`. @throws GlfsError EINVAL */
export function parseServer(text: string, context = text): VolfileServer {
  const match = /^(?:\[([0-9a-f:.]+(?:%[\w.-]+)?)\]|([^:[\]\s]+))(?::(\d{1,5}))?$/i.exec(text);
  const port = match?.[3] === undefined ? GLUSTERD_PORT : Number(match[3]);
  if (match === null || port < 1 || port > 65535) throw bad(context, `'${text}' is no host[:port]`);
  return { transport: 'tcp', host: match[1] ?? match[2]!, port };
}

function unixServer(url: string, query: string | undefined): VolfileServer {
  const path = new URLSearchParams(query ?? '').get('socket');
  if (path === null || path === '') throw bad(url, '?socket=/path is missing');
  return { transport: 'unix', path };
}

function decode(url: string, segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw bad(url, `'${segment}' is not percent-encoded text`);
  }
}

function bad(url: string, reason: string): GlfsError {
  return new GlfsError('EINVAL', `not a volume URL: '${url}': ${reason}`);
}

export function serverName(server: VolfileServer): string {
  return server.transport === 'unix' ? server.path : `${server.host}:${server.port}`;
}
