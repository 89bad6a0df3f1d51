import { type OptionSchema, Translator, type TranslatorType } from '../graph/index.ts';

class PassThrough extends Translator {}

/**
 * A type that changes nothing on a client of glfs: its calls are its child's own functions. `why` says what makes that
 * true, for the docs.
 */
export function passThrough<const S extends OptionSchema>(
  type: string,
  why: string,
  options: S,
): TranslatorType<S> {
  return {
    type,
    summary: why,
    options,
    create: (setup) => new PassThrough(setup) as Translator as Translator<S>,
  };
}
