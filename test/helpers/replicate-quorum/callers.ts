import { chmod, type FileHandle, mkdir, open, readFile, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { File, Volume } from '../../../src/index.ts';

/** Somebody who uses a directory of a volume, by a mount of GlusterFS's or by glfs. Names are those of one place in it. */
export interface Caller {
  readonly name: string;
  mkdir(name: string): Promise<unknown>;
  make(name: string, text: string): Promise<unknown>;
  /** Opens a file that stays open: calls on it need no lookup. */
  hold(name: string): Promise<unknown>;
  release(): Promise<void>;
  read(name: string): Promise<string>;
  write(name: string, text: string): Promise<unknown>;
  create(name: string): Promise<unknown>;
  unlink(name: string): Promise<unknown>;
  chmod(name: string, mode: number): Promise<unknown>;
  readHeld(): Promise<unknown>;
  writeHeld(text: string): Promise<unknown>;
  truncateHeld(size: number): Promise<unknown>;
}

export class MountCaller implements Caller {
  readonly name = 'mount';
  private held: FileHandle | undefined;

  constructor(private readonly directory: string) {}

  private at = (name: string): string => join(this.directory, this.name, name);
  mkdir = (name: string) => mkdir(this.at(name));
  make = (name: string, text: string) => writeFile(this.at(name), text);
  hold = async (name: string) => {
    await this.release();
    this.held = await open(this.at(name), 'r+');
  };
  // What could not be written is told again at the close.
  release = async () => void (await this.held?.close().catch(() => {}));
  read = (name: string) => readFile(this.at(name), 'utf8');
  write = async (name: string, text: string) => {
    const file = await open(this.at(name), 'r+');
    await file.write(text, 0).finally(() => file.close());
  };
  create = async (name: string) => await (await open(this.at(name), 'wx')).close();
  unlink = (name: string) => unlink(this.at(name));
  chmod = (name: string, mode: number) => chmod(this.at(name), mode);
  readHeld = () => this.held!.read(Buffer.alloc(10), 0, 10, 0);
  writeHeld = (text: string) => this.held!.write(text, 0);
  truncateHeld = (size: number) => this.held!.truncate(size);
}

export class VolumeCaller implements Caller {
  readonly name = 'glfs';
  private held: File | undefined;

  constructor(private readonly volume: Volume) {}

  private at = (name: string): string => `/${this.name}/${name}`;
  mkdir = (name: string) => this.volume.mkdir(this.at(name));
  make = (name: string, text: string) => this.volume.writeFile(this.at(name), text);
  hold = async (name: string) => {
    await this.release();
    this.held = await this.volume.open(this.at(name), 'r+');
  };
  release = async () => void (await this.held?.close().catch(() => {}));
  read = async (name: string) => await this.volume.readFile(this.at(name), 'utf8');
  write = async (name: string, text: string) => {
    const file = await this.volume.open(this.at(name), 'r+');
    await file.pwrite(text, 0).finally(() => file.close());
  };
  create = async (name: string) => await (await this.volume.open(this.at(name), 'wx')).close();
  unlink = (name: string) => this.volume.unlink(this.at(name));
  chmod = (name: string, mode: number) => this.volume.chmod(this.at(name), mode);
  readHeld = () => this.held!.pread(10, 0);
  writeHeld = (text: string) => this.held!.pwrite(text, 0);
  truncateHeld = (size: number) => this.held!.truncate(size);
}

/** `done`, or the name of the error. */
export async function outcomeOf(act: () => Promise<unknown>): Promise<string> {
  return await act().then(
    () => 'done',
    (error: { code?: string }) => error.code ?? String(error),
  );
}
