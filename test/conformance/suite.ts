import { afterAll, beforeAll, describe, test } from 'vitest';
import { allCases } from './cases/index.ts';
import { type Difference, differences } from './differences.ts';
import type { Capability, Lacks, Subject } from './subject.ts';
import { type Case, clockMoved, type Trial } from './trial.ts';

/** A stack that runs. */
export interface Running {
  /** Its whole tree, as root. */
  readonly subject: Subject;
  /** What was found missing at the start, beside what the stack says itself. */
  readonly lacks?: Lacks;
  stop(): Promise<void>;
}

/** Something that cases run over. */
export interface Stack {
  readonly name: string;
  /** What the stack is made of, for the table of differences: `volume`, `posix`, `access-control` … */
  readonly traits: readonly string[];
  readonly lacks?: Lacks;
  /** For stacks where large directories and deep paths have nothing to show that others don't: they get smaller ones. */
  readonly small?: boolean;
  start(): Promise<Running>;
}

const FULL = { entries: 5000, levels: 100, some: (count: number) => count };
const SMALL = { entries: 200, levels: 20, some: (count: number) => Math.ceil(count / 4) };
const CASE_TIMEOUT = 60_000;

/**
 * Registers every case as a test of vitest over one stack, which is started once; each case gets a directory of its own.
 * Cases that the stack can't show are skipped, and the reasons named.
 */
export function conformance(stack: Stack, cases: readonly Case[] = allCases): void {
  describe(stack.name, () => {
    let running: Running;
    let serial = 0;
    beforeAll(async () => {
      running = await stack.start();
    }, CASE_TIMEOUT);
    afterAll(() => running?.stop(), CASE_TIMEOUT);

    const skipped = new Map<string, number>();
    for (const each of cases) {
      const missing = firstMissing(each, stack.lacks);
      if (missing !== undefined) {
        skipped.set(missing, (skipped.get(missing) ?? 0) + 1);
        continue;
      }
      test(each.name, { timeout: CASE_TIMEOUT }, async ({ skip }) => {
        const found = firstMissing(each, running.lacks);
        if (found !== undefined) skip(found);
        const run = () => runCase(each, running.subject, `case-${++serial}`, stack.small ? SMALL : FULL);
        const difference = differenceOf(each, stack);
        await (difference === undefined ? run() : differs(run, difference));
      });
    }
    // Each reason shows in the report, with the number of cases that it leaves out.
    for (const [reason, count] of skipped) test.skip(`${count} cases without ${reason}`, () => {});
  });
}

async function runCase(
  each: Case,
  subject: Subject,
  directory: string,
  size: Pick<Trial, 'entries' | 'levels' | 'some'>,
): Promise<void> {
  await subject.mkdir(directory, 0o755);
  const clock = `${directory}.clock`;
  await each.run({ fs: subject.below(directory), tick: () => clockMoved(subject, clock), ...size });
}

function firstMissing(each: Case, lacks: Lacks = {}): string | undefined {
  const capability = each.needs.find((need: Capability) => lacks[need] !== undefined);
  return capability === undefined ? undefined : `${capability}: ${lacks[capability]}`;
}

/** The accepted difference that a case has on a stack, if any. */
export function differenceOf(each: Case, stack: Pick<Stack, 'name' | 'traits'>): Difference | undefined {
  return differences.find(
    ({ name, on }) =>
      name === each.name && on.some((one) => one === stack.name || stack.traits.includes(one)),
  );
}

/** An accepted difference must be there, and be the one that was accepted: or else the table is not true any more. */
async function differs(run: () => Promise<void>, { shows, reason }: Difference): Promise<void> {
  try {
    await run();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    if (message.includes(shows)) return;
    throw new Error(`differs in another way than listed (${shows}: ${reason})`, { cause: error });
  }
  throw new Error(`no longer differs: take it off the table (${reason})`);
}
