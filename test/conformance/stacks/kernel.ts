import { chmodSync } from 'node:fs';
import { syscalls } from '../../../src/syscalls.ts';
import type { Capability, Lacks, Subject } from '../subject.ts';
import { KernelSubject } from '../subjects/kernel.ts';
import { KernelHelper } from '../subjects/kernel-helper.ts';
import type { Stack } from '../suite.ts';
import { place } from './places.ts';
import { probed } from './probes.ts';

function all(reason: string, capabilities: readonly Capability[]): Lacks {
  return Object.fromEntries(capabilities.map((capability) => [capability, reason]));
}

/** What this process can't do of what root on a machine of its own can. */
function lacking(): Lacks {
  return {
    ...(process.getuid!() !== 0 && all('not root', ['root', 'permissions', 'devices', 'access'])),
    ...(!KernelHelper.available && all('no python3 to take them', ['locks', 'access'])),
    ...(syscalls() === undefined &&
      all('the native addon is not built', [
        'xattrs',
        'special-files',
        'devices',
        'fallocate',
        'seek',
        'copy-range',
        'nanoseconds',
      ])),
  };
}

/** The oracle: a directory of the host. What it says is right, and what the cases expect. */
export const kernel: Stack = {
  name: 'kernel',
  traits: ['kernel'],
  lacks: lacking(),
  async start() {
    const { directory, remove } = place(true);
    // Others than root must get there.
    chmodSync(directory, 0o755);
    let helper: KernelHelper | undefined;
    const subject: Subject = new KernelSubject(directory, () => {
      helper ??= new KernelHelper();
      return helper;
    });
    return {
      subject,
      lacks: await probed(subject, lacking()),
      async stop() {
        await helper?.close();
        remove();
      },
    };
  },
};
