import { readdirSync, readFileSync } from 'node:fs';
import { waitUntil } from './wait.ts';

/** Waits until all threads of a process have taken its SIGSTOP: until then one of them may still answer. */
export async function waitFrozen(pid: number): Promise<void> {
  const stopped = (thread: string) =>
    /\) T /.test(readFileSync(`/proc/${pid}/task/${thread}/stat`, 'latin1'));
  await waitUntil(() => readdirSync(`/proc/${pid}/task`).every(stopped), {
    what: `process ${pid} to be frozen`,
    everyMs: 2,
  });
}
