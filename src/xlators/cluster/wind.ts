import { GlfsError, toGlfsError } from '../../errors.ts';
import { asRoot, type CallContext, detached, type Subvolume, throwIfEnded } from '../../graph/index.ts';

/** What one subvolume said. */
export type Answer<T> =
  | { readonly child: Subvolume; readonly reply: T; readonly error?: undefined }
  | { readonly child: Subvolume; readonly reply?: undefined; readonly error: GlfsError };

export type Success<T> = Extract<Answer<T>, { error?: undefined }>;
export type Failure = Exclude<Answer<unknown>, { error?: undefined }>;

/** Calls all of `children` at once and waits for every answer, in the order of `children`. Never rejects. */
export function windAll<T>(
  children: readonly Subvolume[],
  call: (child: Subvolume) => Promise<T>,
): Promise<Answer<T>[]> {
  return Promise.all(children.map((child) => wind(child, call)));
}

/** Calls one subvolume; its error becomes an answer that names the subvolume. */
export async function wind<T>(child: Subvolume, call: (child: Subvolume) => Promise<T>): Promise<Answer<T>> {
  try {
    return { child, reply: await call(child) };
  } catch (thrown) {
    return { child, error: named(toGlfsError(thrown), child) };
  }
}

/** ENOTCONN and the like must say whose. */
function named(error: GlfsError, child: Subvolume): GlfsError {
  return error.translator === undefined ? error.with({ translator: child.name }) : error;
}

/**
 * As windAll, but settles as soon as one answer is `enough`: then only the answers until then are given. The others come
 * to nothing.
 */
export function windUntil<T>(
  children: readonly Subvolume[],
  call: (child: Subvolume) => Promise<T>,
  enough: (answer: Answer<T>) => boolean,
): Promise<Answer<T>[]> {
  return new Promise((resolve) => {
    const answers: Answer<T>[] = [];
    if (children.length === 0) resolve(answers);
    for (const child of children) {
      void wind(child, call).then((answer) => {
        answers.push(answer);
        if (enough(answer) || answers.length === children.length) resolve([...answers]);
      });
    }
  });
}

export function successes<T>(answers: readonly Answer<T>[]): Success<T>[] {
  return answers.filter((answer): answer is Success<T> => answer.error === undefined);
}

export function failures<T>(answers: readonly Answer<T>[]): Failure[] {
  return answers.filter((answer): answer is Failure => answer.error !== undefined);
}

/** One error for several: the last of the worst kind, with all of them as its cause. */
export function combined(failed: readonly Failure[], translator: string): GlfsError {
  const errors = failed.map((failure) => failure.error);
  if (errors.length === 1) return errors[0]!;
  // That an entry is missing says less than that a subvolume could not be asked.
  const worst = errors.findLast((error) => error.code !== 'ENOENT' && error.code !== 'ESTALE');
  const chosen = worst ?? errors.at(-1) ?? new GlfsError('EIO', undefined, { translator });
  return new GlfsError(chosen.code, chosen.reason, {
    translator: chosen.translator ?? translator,
    brick: chosen.brick,
    outcome: errors.some((error) => error.outcome === 'unknown') ? 'unknown' : 'failed',
    cause: new AggregateError(errors, `${errors.length} subvolumes failed`),
  });
}

/**
 * The pid by which bricks know calls of translators that even root squashing must let through
 * (GF_CLIENT_PID_NO_ROOT_SQUASH).
 */
const NO_ROOT_SQUASH_PID = -4;

/** For distribute's own calls: as root, whoever the caller is. */
export function internal(context: CallContext): CallContext {
  return { ...asRoot(context), pid: NO_ROOT_SQUASH_PID, stamp: undefined };
}

/** For distribute's own calls that must come to their end: unlocking, undoing, work in the background. */
export function internalDetached(context: CallContext): CallContext {
  return detached(internal(context));
}

/**
 * Runs what must not stop half-way: once begun it goes on to its end, locks dropped and all, even if the caller stops
 * waiting (ECANCELED, ETIMEDOUT, with the outcome unknown).
 */
export function transaction<T>(context: CallContext, run: (context: CallContext) => Promise<T>): Promise<T> {
  throwIfEnded(context);
  return shared(run(detached(context)), context);
}

/**
 * Waits for work that several callers share, for as long as this one cares to.
 * @throws GlfsError ECANCELED or ETIMEDOUT where the caller's patience ends first; the work goes on.
 */
export function shared<T>(work: Promise<T>, context: CallContext): Promise<T> {
  const { signal, deadline } = context;
  if (signal === undefined && deadline === undefined) return work;
  return new Promise<T>((resolve, reject) => {
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', aborted);
    };
    const aborted = (): void => {
      done();
      reject(
        new GlfsError('ECANCELED', 'the call was aborted', { cause: signal?.reason, outcome: 'unknown' }),
      );
    };
    const timer =
      deadline === undefined
        ? undefined
        : setTimeout(
            () => {
              done();
              reject(
                new GlfsError('ETIMEDOUT', 'the deadline of the call has passed', { outcome: 'unknown' }),
              );
            },
            Math.max(0, deadline - performance.now()),
          );
    signal?.addEventListener('abort', aborted, { once: true });
    if (signal?.aborted) aborted();
    work.then(resolve, reject).finally(done);
  });
}
