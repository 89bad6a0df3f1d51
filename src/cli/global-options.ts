import { readFileSync } from 'node:fs';
import type { ConnectOptions } from '../api/connect/index.ts';
import type { Credentials } from '../api/types.ts';
import type { OptionSpec } from './command.ts';
import { CommandError, UsageError } from './errors.ts';
import { type LogLevel, logLevels, stderrLogger } from './log.ts';
import { parseCount, parseSeconds } from './numbers.ts';
import { quote } from './quote.ts';
import { reasonOf } from './strerror.ts';

/** What every command takes, before or behind its name. */
export interface GlobalOptions {
  json?: boolean;
  quiet?: boolean;
  user?: string;
  password?: string;
  tlsCa?: string;
  tlsCert?: string;
  tlsKey?: string;
  managementTls?: boolean;
  uid?: string;
  gid?: string;
  translatorOption?: readonly string[];
  backupServer?: readonly string[];
  timeout?: string;
  bricks?: readonly string[];
  partial?: boolean;
  logLevel?: LogLevel;
}

export const globalOptions: readonly OptionSpec[] = [
  { flags: '--json', help: 'print one JSON array, and errors as JSON lines' },
  { flags: '--quiet', help: 'no progress bar' },
  { flags: '--user <name>', help: 'login of auth.allow and auth.login (or GLFS_USER)' },
  { flags: '--password <password>', help: 'its password (better: GLFS_PASSWORD, which ps does not show)' },
  { flags: '--tls-ca <file>', help: 'certificate authorities, for volumes with client.ssl' },
  { flags: '--tls-cert <file>', help: 'our certificate' },
  { flags: '--tls-key <file>', help: 'its private key' },
  { flags: '--management-tls', help: 'TLS towards management servers, too (as gluster+tls://)' },
  { flags: '--uid <uid>', help: 'act as this user' },
  { flags: '--gid <gid>', help: 'act as this group' },
  {
    flags: '--translator-option <pattern.key=value>',
    help: "option of translators by shell pattern: '*-client-*.ping-timeout=10'; may be repeated",
    repeated: true,
  },
  {
    flags: '--backup-server <host[:port]>',
    help: 'one more management server; may be repeated',
    repeated: true,
  },
  {
    flags: '--bricks <dir...>',
    help: 'read the volume from its brick directories, without servers; operands are paths. In front of the command',
  },
  { flags: '--partial', help: 'with --bricks: read what is there although bricks are missing' },
  { flags: '--timeout <seconds>', help: 'for a server to answer, and for each call' },
  {
    flags: '--log-level <level>',
    help: 'what glfs logs to standard error',
    choices: logLevels,
    default: 'error',
  },
];

/** @throws UsageError, CommandError for certificates that can't be read */
export function connectOptionsOf(
  options: GlobalOptions,
  { env, signal, write }: { env: NodeJS.ProcessEnv; signal: AbortSignal; write: (text: string) => void },
): ConnectOptions {
  return {
    username: options.user ?? env.GLFS_USER,
    password: options.password ?? env.GLFS_PASSWORD,
    tls: tlsOf(options),
    managementTls: options.managementTls,
    translatorOptions: translatorOptionsOf(options.translatorOption ?? []),
    backupServers: options.backupServer,
    timeout: timeoutOf(options),
    logger: stderrLogger(options.logLevel ?? 'error', write),
    signal,
  };
}

/** Milliseconds. @throws UsageError */
export function timeoutOf({ timeout }: GlobalOptions): number | undefined {
  return timeout === undefined ? undefined : parseSeconds(timeout, 'timeout');
}

/** Who calls are made for. Another user has none of our groups. @throws UsageError */
export function credentialsOf({ uid, gid }: GlobalOptions, umask: number): Credentials {
  const ids = {
    ...(uid === undefined ? {} : { uid: parseCount(uid, 'user id') }),
    ...(gid === undefined ? {} : { gid: parseCount(gid, 'group id') }),
  };
  return uid === undefined ? { umask, ...ids } : { umask, groups: [], ...ids };
}

function tlsOf({ tlsCa, tlsCert, tlsKey }: GlobalOptions): ConnectOptions['tls'] {
  if (tlsCa === undefined && tlsCert === undefined && tlsKey === undefined) return undefined;
  if ((tlsCert === undefined) !== (tlsKey === undefined))
    throw new UsageError('--tls-cert and --tls-key go together');
  return { ca: contents(tlsCa), cert: contents(tlsCert), key: contents(tlsKey) };
}

function contents(file: string | undefined): Buffer | undefined {
  if (file === undefined) return undefined;
  try {
    return readFileSync(file);
  } catch (error) {
    throw new CommandError(`cannot open ${quote(file)} for reading: ${reasonOf(error)}`, { cause: error });
  }
}

function translatorOptionsOf(settings: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    settings.map((setting) => {
      const match = /^([^.=]+\.[^=]+)=(.*)$/s.exec(setting);
      if (match === null)
        throw new UsageError(`not a translator option: '${setting}': PATTERN.KEY=VALUE is expected`);
      return [match[1]!, match[2]!];
    }),
  );
}
