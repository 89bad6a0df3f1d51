import { option } from '../../../graph/index.ts';

/** Options of protocol/client as glusterd writes them, and a few of our own (marked glfs). */
export const options = {
  'remote-host': option.optional({
    help: 'host of the brick; without it the server that the volfile came from',
  }),
  'remote-port': option.integer(0, {
    min: 0,
    max: 65535,
    help: "port of the brick; 0 asks glusterd's portmapper",
    aliases: ['transport.socket.remote-port'],
  }),
  'remote-subvolume': option.optional({ help: 'what to attach to: path of the brick, or name of a service' }),
  username: option.optional({ help: 'user of auth.login' }),
  password: option.optional({ help: 'password of auth.login' }),
  'transport-type': option.string('tcp', { help: 'tcp or unix', aliases: ['transport'] }),
  'transport.address-family': option.optional({ help: 'ignored: the host name decides' }),
  'transport.socket.connect-path': option.optional({ help: 'path of a unix socket' }),
  'transport.socket.ssl-enabled': option.boolean(false, { help: 'TLS' }),
  'transport.socket.own-cert': option.optional({ help: 'file of our certificate' }),
  'transport.socket.private-key': option.optional({ help: 'file of our key' }),
  'transport.socket.ca-list': option.optional({ help: 'file of the certificate authorities' }),
  'ping-timeout': option.time(42, {
    min: 0,
    max: 1013,
    help: 'seconds without a sign of life until a connection is dead; 0 never',
  }),
  'frame-timeout': option.time(1800, {
    min: 0,
    max: 86400,
    help: 'seconds until an unanswered call fails; 0 never',
  }),
  'send-gids': option.boolean(true, { help: 'send the supplementary groups of the caller' }),
  'filter-O_DIRECT': option.boolean(false, { help: 'open without O_DIRECT', aliases: ['filter-o-direct'] }),
  'strict-locks': option.boolean(false, {
    help: 'after a reconnect, fds that held locks fail with EBADFD instead of taking the locks again',
  }),
  'retake-locks': option.boolean(true, {
    help: 'glfs: take POSIX locks again after a reconnect; off below replicate, which does it itself',
  }),
  'volume-id': option.optional({ help: 'glfs: refuse bricks of another volume (UUID)' }),
  'reconnect-grace': option.time(10, {
    min: 0,
    max: 3600,
    help: 'glfs: seconds that calls wait for a lost connection to come back',
  }),
  'connect-timeout': option.time(10, {
    min: 0.1,
    max: 600,
    help: 'glfs: seconds until an attempt to connect gives up',
  }),
  'privileged-port': option.boolean(false, { help: 'glfs: connect from a port below 1024' }),
  'program-version': option.integer(400, {
    min: 330,
    max: 400,
    help: 'glfs: highest version of the file program to use (400, 330)',
  }),
  'clnt-lk-version': option.integer(1, { help: 'ignored' }),
  'client-bind-insecure': option.boolean(true, { help: 'ignored: ports above 1023 are the default' }),
  'event-threads': option.integer(2, { help: 'ignored: one event loop' }),
  'transport.tcp-user-timeout': option.time(0, { help: 'ignored: ping-timeout decides' }),
  'transport.socket.keepalive-time': option.time(20, { help: 'ignored: 20 s' }),
  'transport.socket.keepalive-interval': option.time(2, { help: 'ignored' }),
  'transport.socket.keepalive-count': option.integer(9, { help: 'ignored' }),
  'transport.socket.nodelay': option.boolean(true, { help: 'ignored: always' }),
  'transport.socket.read-fail-log': option.string('', { help: 'ignored' }),
  'transport.socket.ssl-cert-depth': option.string('', {
    help: 'ignored: OpenSSL decides',
    aliases: ['ssl-cert-depth'],
  }),
  'transport.socket.ssl-cipher-list': option.string('', {
    help: "ignored: node's own ciphers, of which the server takes one",
    aliases: ['ssl-cipher-list'],
  }),
  'transport.socket.ssl-crl-path': option.string('', {
    help: 'not honoured: a warning says so',
    aliases: ['ssl-crl-path'],
  }),
  'transport.socket.ssl-dh-param': option.string('', {
    help: 'ignored: of servers',
    aliases: ['ssl-dh-param'],
  }),
  'transport.socket.ssl-ec-curve': option.string('', {
    help: 'ignored: of servers',
    aliases: ['ssl-ec-curve'],
  }),
  'tcp-window-size': option.string('', { help: 'ignored: the kernel sizes its buffers' }),
  'non-blocking-io': option.string('', { help: 'ignored: always' }),
} as const;
