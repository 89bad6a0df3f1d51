import type { Inode } from '../../../../graph/index.ts';
import type { FileState } from '../file-state.ts';
import type { ReplicateState } from '../state.ts';

/** Seconds for which a choice holds unless the administrator has said otherwise: it must not be forgotten and stay. */
const DEFAULT_SECONDS = 300;

const timeouts = new WeakMap<ReplicateState, number>();
const timers = new WeakMap<FileState, NodeJS.Timeout>();

export function setChoiceTimeout(state: ReplicateState, seconds: number): void {
  timeouts.set(state, seconds);
}

/** From now on this client reads that copy, until the time is over. Undefined takes the choice back. */
export function setChoice(state: ReplicateState, inode: Inode, choice: number | undefined): void {
  const file = state.file(inode);
  clearTimeout(timers.get(file));
  timers.delete(file);
  // The choice stands in the state of the file, which must not go for as long as there is one.
  if (file.choice === undefined && choice !== undefined) file.pins++;
  if (file.choice !== undefined && choice === undefined) file.pins--;
  file.choice = choice;
  if (choice === undefined) return;
  const milliseconds = Math.min((timeouts.get(state) ?? DEFAULT_SECONDS) * 1000, 2 ** 31 - 1);
  const timer = setTimeout(() => setChoice(state, inode, undefined), milliseconds);
  timer.unref();
  timers.set(file, timer);
}
