import { GlfsError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { type FopName, fopNames } from '../protocol/fops.ts';
import type { TlsOptions } from '../rpc/index.ts';
import type { Client } from './client.ts';
import type { GraphEvent } from './events.ts';
import type { FopFunction, FopTable } from './fop-types.ts';
import type { OptionSchema, OptionValues } from './options.ts';

/** A translator as its parents call it: every fop, already resolved to whoever answers it. */
export interface Subvolume extends FopTable {
  readonly name: string;
  readonly translator: Translator;
}

/** What the caller said of connections; it goes before what the volfile says. */
export interface ConnectionDefaults {
  /** Host that the volfile came from: bricks and services without a host of their own are there. */
  readonly volfileHost?: string;
  /** Port of the management servers; 24007 where absent. */
  readonly managerPort?: number;
  readonly username?: string;
  readonly password?: string;
  /** Certificates for bricks whose volfile entry asks for TLS. */
  readonly tls?: TlsOptions;
  /** TLS towards management servers. */
  readonly managerTls?: TlsOptions;
  /** Connect from ports below 1024. */
  readonly privilegedPort?: boolean;
  /** Directory of the servers' side that stands for the root (`subdir-mount`); begins with a slash. */
  readonly subdirectory?: string;
  /** Volume id (UUID) that bricks must have. */
  readonly volumeId?: string;
}

/** What a graph offers to all of its translators. */
export interface Environment {
  readonly connection?: ConnectionDefaults;
  readonly logger: Logger;
  /** Name of the volume, for messages. */
  readonly volume: string;
  /** What the caller has set of the graph's options: only those who have set the same share resources. */
  readonly scope?: string;
  /**
   * Something that outlives the graph because the next one of the same volume shall take it over (connections): made
   * at first use, shared under its key, and closed when the last graph that took it is closed.
   */
  share<T extends { close(): Promise<void> }>(key: string, create: () => T): T;
}

export interface TranslatorSetup<S extends OptionSchema = OptionSchema> {
  readonly name: string;
  readonly type: string;
  readonly children: readonly Subvolume[];
  readonly options: OptionValues<S>;
  /** The options as the volfile has them. */
  readonly rawOptions: ReadonlyMap<string, string>;
  readonly environment: Environment;
}

/**
 * The base of all translators. A subclass defines the fops that it changes as methods of the fop's name; all others become
 * its first child's own functions when the graph is built. It may also wrap every fop by `intercept`.
 *
 * A translator with several children defines every fop or lists it in `refuses` (EOPNOTSUPP); the build fails otherwise.
 */
export abstract class Translator<S extends OptionSchema = OptionSchema> {
  readonly name: string;
  readonly type: string;
  readonly children: readonly Subvolume[];
  readonly options: OptionValues<S>;
  readonly environment: Environment;
  /** Never there: lets a translator be the key of its own contexts (see ContextOwner). */
  declare readonly contextType?: unknown;
  private readonly listeners: ((event: GraphEvent) => void)[] = [];

  constructor(setup: TranslatorSetup<S>) {
    this.name = setup.name;
    this.type = setup.type;
    this.children = setup.children;
    this.options = setup.options;
    this.environment = setup.environment;
    for (const child of setup.children) child.translator.listen((event) => this.onEvent(event, child));
  }

  /** Fops that a translator with several children answers with EOPNOTSUPP. */
  get refuses(): readonly FopName[] {
    return [];
  }

  get child(): Subvolume {
    const child = this.children[0];
    if (child === undefined)
      throw new GlfsError('EINVAL', 'translator has no subvolume', { translator: this.name });
    return child;
  }

  get log(): Logger {
    return this.environment.logger;
  }

  /**
   * The translator's own function for a fop: the method of that name. Overridden by translators that derive all of their
   * fops from the table.
   */
  own<K extends FopName>(fop: K): FopFunction<K> | undefined {
    const method = (this as unknown as Partial<Record<FopName, { bind(self: object): FopFunction<K> }>>)[fop];
    return method?.bind(this);
  }

  /** Wraps one fop when the graph is built; `next` is this translator's own method or its child's. */
  intercept?<K extends FopName>(fop: K, next: FopFunction<K>): FopFunction<K>;

  /** Called once, children first, before any fop. */
  async start(): Promise<void> {}

  /** Called once, parents first, after the last fop has been answered. */
  async close(): Promise<void> {}

  /**
   * In the graph of a brick: the last connection of a client has ended and its calls have settled. What the translator holds
   * for it (locks, leases, registrations) is given up here, synchronously. Its fds are released by protocol/server.
   */
  clientGone(_client: Client): void {}

  /** What the state dump shows of this translator. */
  dump(): Record<string, unknown> {
    return {};
  }

  /** An event from a child. By default it passes on to the parents. */
  protected onEvent(event: GraphEvent, _child: Subvolume): void {
    this.emit(event);
  }

  listen(listener: (event: GraphEvent) => void): void {
    this.listeners.push(listener);
  }

  protected emit(event: GraphEvent): void {
    for (const listener of this.listeners) listener(event);
  }
}

/** Resolves every fop of a translator: its own method, a refusal, or its child's own function. */
export function toSubvolume(translator: Translator): Subvolume {
  const table: Partial<Record<FopName, unknown>> = {};
  const left: FopName[] = [];
  for (const fop of fopNames) {
    const resolved = resolve(translator, fop);
    if (resolved === undefined) left.push(fop);
    else table[fop] = translator.intercept === undefined ? resolved : translator.intercept(fop, resolved);
  }
  if (left.length > 0) {
    throw new GlfsError('EINVAL', `${translator.type} leaves ${left.join(', ')} to chance`, {
      translator: translator.name,
    });
  }
  return { ...(table as FopTable), name: translator.name, translator };
}

function resolve<K extends FopName>(translator: Translator, fop: K): FopFunction<K> | undefined {
  const own = translator.own(fop);
  if (own !== undefined) return own;
  if (translator.refuses.includes(fop)) return refusal(translator, fop);
  if (translator.children.length === 1) return translator.children[0]![fop] as unknown as FopFunction<K>;
  if (translator.children.length === 0) return refusal(translator, fop);
  return undefined;
}

function refusal<K extends FopName>(translator: Translator, fop: K): FopFunction<K> {
  return () => Promise.reject(new GlfsError('EOPNOTSUPP', undefined, { fop, translator: translator.name }));
}
