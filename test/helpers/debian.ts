import { existsSync } from 'node:fs';
import { run, runOk } from './processes.ts';

/** Debian packages that the interop and peer tests use, and what builds the addon. */
const packages = [
  'glusterfs-server',
  'glusterfs-client',
  'fio',
  'qemu-utils',
  'qemu-block-extra',
  'attr',
  'openssl',
  'procps',
  'util-linux',
  'cmake',
  'g++',
  'make',
];

/** What tests that skip without them use: a compiler for ARM and what runs its programs here, about 70 MB. */
const optional = ['g++-aarch64-linux-gnu', 'qemu-user'];

/** Packages of the list that are not installed. */
async function missingOf(packages: readonly string[]): Promise<string[]> {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg-query's own placeholders
  const { stdout } = await run('dpkg-query', ['-W', '-f', '${Package} ${db:Status-Abbrev}\n', ...packages]);
  const installed = new Set(
    stdout
      .split('\n')
      .filter((line) => / ii ?$/.test(line))
      .map((line) => line.split(' ')[0]),
  );
  return packages.filter((name) => !installed.has(name));
}

/**
 * Installs what is missing with apt-get. Needs root on Debian or a relative of it. Services are kept from
 * starting: a system glusterd would take port 24007 on all addresses, and tests start glusterds of their own.
 */
export async function installMissing(log: (line: string) => void): Promise<void> {
  if (!existsSync('/usr/bin/dpkg-query') || !existsSync('/usr/bin/apt-get')) {
    log('no apt-get here: the interop tests use what is installed');
    return;
  }
  const missing = await missingOf(packages);
  const wished = await missingOf(optional);
  if (missing.length + wished.length === 0) return;
  log(`installing ${[...missing, ...wished].join(' ')}`);
  const quarterHour = 900_000;
  const policy = '/usr/sbin/policy-rc.d';
  const guard = !existsSync(policy);
  if (guard)
    await runOk('/bin/sh', ['-c', `printf '#!/bin/sh\\nexit 101\\n' >${policy} && chmod 755 ${policy}`]);
  try {
    const environment = ['DEBIAN_FRONTEND=noninteractive'];
    const update = await run('env', [...environment, 'apt-get', 'update', '-q'], quarterHour);
    if (update.code !== 0) log(`apt-get update: ${update.stderr.trim()}`);
    const install = [...environment, 'apt-get', 'install', '-q', '-y', '--no-install-recommends'];
    if (missing.length > 0) await runOk('env', [...install, ...missing], quarterHour);
    if (wished.length === 0) return;
    const { code, stderr } = await run('env', [...install, ...wished], quarterHour);
    if (code !== 0) log(`left out ${wished.join(' ')}: ${stderr.trim()}`);
  } finally {
    if (guard) await run('rm', ['-f', policy]);
  }
}
