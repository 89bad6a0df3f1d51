import type { Capability, Lacks, Subject } from '../subject.ts';
import { outcomeOf, put } from '../trial.ts';

/** What depends on the host's file system, and how it is found out. */
const probes: readonly (readonly [Capability, (fs: Subject) => Promise<string | undefined>])[] = [
  [
    'xattrs',
    async (fs) => {
      const outcome = await outcomeOf(fs.xattrs('probe').setxattr('user.probe', 'x'));
      return outcome === 'success' ? undefined : `the file system takes none (${outcome})`;
    },
  ],
  [
    'large-xattrs',
    async (fs) => {
      const outcome = await outcomeOf(fs.xattrs('probe').setxattr('user.large', Buffer.alloc(65_536)));
      return outcome === 'success' ? undefined : `the file system has no room for them (${outcome})`;
    },
  ],
  [
    'devices',
    async (fs) => {
      const outcome = await outcomeOf(fs.mknod('probe.device', 'character', 0o600, { major: 1, minor: 3 }));
      return outcome === 'success' ? undefined : `the host makes none here (${outcome})`;
    },
  ],
  [
    'directory-links',
    async (fs) => {
      await fs.mkdir('probe.directory');
      const { nlink } = await fs.stat('probe.directory');
      return nlink === 2 ? undefined : `directories of the file system have ${nlink} link(s)`;
    },
  ],
];

/** What a subject lacks because of the file system below it, found by trying. `known` is not tried. */
export async function probed(subject: Subject, known: Lacks = {}): Promise<Lacks> {
  await subject.mkdir('probes');
  const fs = subject.below('probes');
  await put(fs, 'probe');
  const found: Partial<Record<Capability, string>> = {};
  for (const [capability, probe] of probes) {
    if (known[capability] !== undefined) continue;
    const reason = await probe(fs);
    if (reason !== undefined) found[capability] = reason;
  }
  return found;
}

/**
 * The same for what stands on bricks: they note the names of a file in its extended attributes, and ext4 has room for some
 * fifty.
 */
export async function probedOnBricks(subject: Subject, known: Lacks = {}): Promise<Lacks> {
  const found = await probed(subject, known);
  const reason = found['large-xattrs'];
  return reason === undefined ? found : { ...found, 'many-names': `noted in attributes, and ${reason}` };
}
