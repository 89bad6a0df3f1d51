import type { Volume } from '../../src/api/volume.ts';
import { run, type World } from '../../src/cli/run.ts';
import { GlfsError } from '../../src/errors.ts';
import { MemoryVolume } from '../helpers/memory-volume/volume.ts';

/** Volumes in memory, by the name in the URL: what the command line connects to in its tests. */
export class MemoryWorld {
  readonly volumes = new Map<string, MemoryVolume>();
  readonly connected: string[] = [];
  private readonly ending = new AbortController();

  add(name: string): MemoryVolume {
    const volume = new MemoryVolume();
    this.volumes.set(name, volume);
    return volume;
  }

  private readonly connect = async (url: string): Promise<Volume> => {
    this.connected.push(url);
    const volume = this.volumes.get(url.slice(url.lastIndexOf('/') + 1));
    if (volume === undefined) throw new GlfsError('ENOENT', `no volume at ${url}`);
    return volume.volume();
  };

  interrupt(reason: unknown): void {
    this.ending.abort(reason);
  }

  /** Runs `glfs` with these arguments. */
  async glfs(argv: readonly string[], more: Partial<World> & { input?: string } = {}) {
    const out: Uint8Array[] = [];
    let stderr = '';
    const code = await run({
      argv,
      env: {},
      stdout: async (bytes) => void out.push(Buffer.from(bytes)),
      stderr: (text) => {
        stderr += text;
      },
      stdin: chunks(more.input ?? ''),
      columns: undefined,
      terminal: undefined,
      signal: this.ending.signal,
      umask: 0o022,
      connect: this.connect,
      ...more,
    });
    const bytes = Buffer.concat(out);
    return { code, stdout: bytes.toString(), bytes, stderr };
  }
}

async function* chunks(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}
