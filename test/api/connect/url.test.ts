import { describe, expect, test } from 'vitest';
import { parseServer, parseVolumeUrl } from '../../../src/api/connect/url.ts';

const tcp = (host: string, port = 24007) => ({ transport: 'tcp', host, port });

describe('volume URLs', () => {
  test.each([
    ['gluster://a/v', { servers: [tcp('a')], volume: 'v', subdirectory: undefined, tls: false }],
    ['gluster://a:1,b,c:65535/v/', { servers: [tcp('a', 1), tcp('b'), tcp('c', 65535)], volume: 'v' }],
    ['gluster://[::1]:24008,[fe80::1%eth0]/v', { servers: [tcp('::1', 24008), tcp('fe80::1%eth0')] }],
    ['gluster+tcp://a/v/x/y', { volume: 'v', subdirectory: 'x/y', tls: false }],
    ['GLUSTER+TLS://a/v', { tls: true }],
    ['gluster://a/v//x//y/', { subdirectory: 'x/y' }],
    ['gluster://a/v/with%20space/%C3%A4', { subdirectory: 'with space/ä' }],
    ['gluster://a/snaps/s/v', { volume: '/snaps/s/v', subdirectory: undefined }],
    ['gluster://a/snaps/s/v/d', { volume: '/snaps/s/v', subdirectory: 'd' }],
    ['gluster://a/snaps', { volume: 'snaps' }],
    [
      'gluster+unix:///v?socket=/run/gluster.sock',
      { servers: [{ transport: 'unix', path: '/run/gluster.sock' }], volume: 'v' },
    ],
  ])('%s', (url, expected) => {
    expect(parseVolumeUrl(url)).toMatchObject(expected);
  });

  test.each([
    'v',
    'http://a/v',
    'gluster:/a/v',
    'gluster://a',
    'gluster://a/',
    'gluster:///v',
    'gluster://a,/v',
    'gluster://a:0/v',
    'gluster://a:65536/v',
    'gluster://a:x/v',
    'gluster://a b/v',
    'gluster://a/v/../w',
    'gluster://a/v/%2e%2e/w',
    'gluster://a/v/x%2F..%2Fy',
    'gluster://a/v%2Fw',
    'gluster://a/v/%00',
    'gluster://a/v/%zz',
    'gluster+unix:///v',
    'gluster+unix:///v?socket=',
  ])('%s is EINVAL and says what is wrong', (url) => {
    expect(() => parseVolumeUrl(url)).toThrow(
      expect.objectContaining({ name: 'GlfsError', code: 'EINVAL', message: expect.stringContaining(url) }),
    );
  });

  test('servers by themselves', () => {
    expect(parseServer('host:99')).toEqual(tcp('host', 99));
    expect(() => parseServer('a:b:c')).toThrow(/no host\[:port\]/);
  });
});
