import {
  type CallContext,
  type Environment,
  type FopFunction,
  type GraphEvent,
  type OptionSchema,
  type Reply,
  type Request,
  readOptions,
  type Subvolume,
  Translator,
  type TranslatorType,
  toSubvolume,
} from '../../src/graph/index.ts';
import type { Logger } from '../../src/logger.ts';
import { type FopName, fopNames } from '../../src/protocol/fops.ts';
import { emptyIatt, type Iatt, S_IFDIR, S_IFREG } from '../../src/protocol/iatt.ts';

export interface RecordedCall {
  readonly fop: FopName;
  readonly request: object;
  readonly context: CallContext;
}

export interface LogLine {
  readonly level: keyof Logger;
  readonly details: Record<string, unknown>;
  readonly message: string;
}

/** An environment that keeps what is logged. */
export function recordingEnvironment(): Environment & { readonly lines: LogLine[] } {
  const lines: LogLine[] = [];
  const at =
    (level: keyof Logger) =>
    (details: object, message: string): void => {
      lines.push({ level, details: details as Record<string, unknown>, message });
    };
  const logger = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
  return { logger, volume: 'test', share: (_key, create) => create(), lines };
}

class Leaf extends Translator {
  raise(event: GraphEvent): void {
    this.emit(event);
  }
}

/** A child that answers every fop at once with an empty reply, or as a test tells it, and remembers the calls. */
export class RecordingChild {
  readonly calls: RecordedCall[] = [];
  readonly subvolume: Subvolume;
  private readonly leaf: Leaf;
  private readonly answers = new Map<FopName, FopFunction<FopName>>();

  constructor(name = 'child') {
    this.leaf = new Leaf({
      name,
      type: 'test/leaf',
      children: [],
      options: {},
      rawOptions: new Map(),
      environment: recordingEnvironment(),
    });
    const table = Object.fromEntries(fopNames.map((fop) => [fop, this.fop(fop)]));
    this.subvolume = { ...toSubvolume(this.leaf), ...table };
  }

  private fop(fop: FopName) {
    return async (request: object, context: CallContext): Promise<object> => {
      this.calls.push({ fop, request, context });
      const answer = this.answers.get(fop) as
        | ((request: object, context: CallContext) => Promise<object>)
        | undefined;
      return answer === undefined ? {} : answer(request, context);
    };
  }

  answer<K extends FopName>(
    fop: K,
    answer: (request: Request<K>, context: CallContext) => Partial<Reply<K>> | Promise<Partial<Reply<K>>>,
  ): this {
    const wrapped = async (request: Request<K>, context: CallContext) => answer(request, context);
    this.answers.set(fop, wrapped as unknown as FopFunction<FopName>);
    return this;
  }

  raise(event: GraphEvent): void {
    this.leaf.raise(event);
  }

  get fops(): FopName[] {
    return this.calls.map(({ fop }) => fop);
  }

  get last(): RecordedCall {
    const call = this.calls.at(-1);
    if (call === undefined) throw new Error('the child has not been called');
    return call;
  }
}

/** One translator over children, as the builder of graphs makes it. */
export function translatorOver<S extends OptionSchema>(
  type: TranslatorType<S>,
  children: readonly RecordingChild[],
  options: Record<string, string> = {},
): Subvolume & { readonly lines: LogLine[] } {
  const environment = recordingEnvironment();
  const rawOptions = new Map(Object.entries(options));
  const translator = type.create({
    name: 'subject',
    type: type.type,
    children: children.map(({ subvolume }) => subvolume),
    options: readOptions(type.options, rawOptions, 'subject', (key) => {
      throw new Error(`unknown option ${key}`);
    }),
    rawOptions,
    environment,
  });
  return { ...toSubvolume(translator as unknown as Translator), lines: environment.lines };
}

export function fileStat(gfid: Uint8Array, overrides: Partial<Iatt> = {}): Iatt {
  return { ...emptyIatt(), gfid, mode: S_IFREG | 0o644, ...overrides };
}

export function directoryStat(gfid: Uint8Array, overrides: Partial<Iatt> = {}): Iatt {
  return { ...emptyIatt(), gfid, mode: S_IFDIR | 0o755, ...overrides };
}
