import { GlfsError } from '../errors.ts';
import type { OptionSchema } from './options.ts';
import type { Translator, TranslatorSetup } from './translator.ts';

/** What stands behind a `type` of a volfile. */
export interface TranslatorType<S extends OptionSchema = OptionSchema> {
  readonly type: string;
  /** One sentence: the promise that it makes. The docs are printed from it. */
  readonly summary: string;
  readonly options: S;
  /** Options that translators below it have where the volfile is silent: what it needs of them. */
  readonly defaultsBelow?: Readonly<Record<string, string>>;
  create(setup: TranslatorSetup<S>): Translator<S>;
}

const types = new Map<string, TranslatorType>();

/**
 * Makes a translator known to graphs that are built from now on, e.g. `user/audit`.
 * @throws GlfsError EEXIST where the type is taken, EINVAL where it is not of the form `category/name`.
 */
export function registerTranslator<S extends OptionSchema>(type: TranslatorType<S>): void {
  if (!/^[a-z][\w-]*(\/[a-z][\w-]*)?$/i.test(type.type)) {
    throw new GlfsError('EINVAL', `not a translator type: '${type.type}' (category/name is expected)`);
  }
  if (types.has(type.type))
    throw new GlfsError('EEXIST', `translator type ${type.type} is registered already`);
  types.set(type.type, type as unknown as TranslatorType);
}

export function translatorType(type: string): TranslatorType | undefined {
  return types.get(type);
}

export function translatorTypes(): readonly TranslatorType[] {
  return [...types.values()].sort((a, b) => (a.type < b.type ? -1 : 1));
}
