import { type ConnectOptions, type connect, parseVolumeUrl } from '../api/connect/index.ts';
import { parseServer } from '../api/connect/url.ts';
import { VolfileSource } from '../api/connect/volfile-source.ts';
import type { Credentials } from '../api/types.ts';
import type { Volume } from '../api/volume.ts';
import { silent } from '../logger.ts';
import type { Location } from './locate.ts';

/** As `connect` has them. */
const TIMEOUT = 10_000;
const ROUNDS = 3;

export type Connect = typeof connect;

export type TranslatorOptions = Readonly<Record<string, string>>;

interface Entry {
  /** Name of the volume. */
  readonly name: string;
  readonly volumeUrl: string;
  readonly volume: Promise<Volume>;
}

/** Connects to each volume once, whatever the number of files that are named in it. */
export class Volumes {
  private readonly entries: Entry[] = [];

  constructor(
    private readonly connect: Connect,
    private readonly options: ConnectOptions,
    private readonly credentials: Credentials,
  ) {}

  /**
   * The volume of a location, as the user who was chosen sees it, and the location with the URL under which the volume was
   * first connected to: servers may be named in many ways. `wishes` are what the command wants of translators, where the user
   * has not said otherwise. @throws GlfsError as `connect` does, each time
   */
  async open(
    location: Location,
    wishes: TranslatorOptions = {},
  ): Promise<{ location: Location; volume: Volume }> {
    const entry = await this.first(location, this.entryOf(location, wishes));
    const volume = (await entry.volume).as(this.credentials);
    return { location: { ...location, volumeUrl: entry.volumeUrl }, volume };
  }

  private entryOf({ volume: name, volumeUrl }: Location, wishes: TranslatorOptions): Entry {
    const known = this.entries.find((entry) => entry.volumeUrl === volumeUrl);
    if (known !== undefined) return known;
    const translatorOptions = { ...wishes, ...this.options.translatorOptions };
    const volume = this.connect(volumeUrl, { ...this.options, translatorOptions });
    // Whoever asks for the volume is told; nobody may be listening just now.
    volume.catch(() => {});
    const entry = { name, volumeUrl, volume };
    this.entries.push(entry);
    return entry;
  }

  /** The first entry of the same volume: the entry itself, or one whose URL names other servers. */
  private async first({ volume: name }: Location, entry: Entry): Promise<Entry> {
    const namesakes = this.entries.filter((other) => other.name === name);
    if (namesakes.length === 1) return entry;
    const id = await idOf(entry);
    for (const other of namesakes) {
      if (other === entry) return entry;
      if (id !== undefined && (await idOf(other)) === id) return other;
    }
    return entry;
  }

  /** Text of the volfile, from a management server alone: bricks may be down. @throws GlfsError as `connect` does */
  async volfile({ volumeUrl }: Location): Promise<string> {
    const { servers, volume, tls } = parseVolumeUrl(volumeUrl);
    const {
      backupServers = [],
      managementTls,
      signal,
      privilegedPort,
      timeout = TIMEOUT,
      logger = silent,
    } = this.options;
    const source = new VolfileSource({
      volume,
      servers: [...servers, ...backupServers.map((server) => parseServer(server))],
      tls: tls || managementTls ? (this.options.tls ?? {}) : undefined,
      privilegedPort,
      timeout,
      rounds: ROUNDS,
      signal,
      logger,
      onVolfile: () => {},
    });
    try {
      return await source.first();
    } finally {
      source.close();
    }
  }

  /** Disconnects from all of them. @throws GlfsError of a file that could not be flushed */
  async close(): Promise<void> {
    const closings = this.entries.splice(0).map(async ({ volume }) => {
      const opened = await volume.catch(() => undefined);
      await opened?.close();
    });
    const results = await Promise.allSettled(closings);
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  }
}

/** Unknown where nothing is connected: then volumes count as different, which is slower, not wrong. */
async function idOf({ volume }: Entry): Promise<string | undefined> {
  try {
    return await (await volume).volumeId();
  } catch {
    return undefined;
  }
}
