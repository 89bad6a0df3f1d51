import type { Environment } from '../../graph/index.ts';

interface Closable {
  close(): Promise<void>;
}

/** Connections of this process by key, and how many graphs use each: all volumes and their successive graphs share them. */
const resources = new Map<string, { value: Closable; users: number }>();

/** What one graph holds of the shared resources. */
export class Shares {
  private readonly held = new Set<string>();

  readonly share: Environment['share'] = <T extends Closable>(key: string, create: () => T): T => {
    let resource = resources.get(key);
    if (resource === undefined) {
      resource = { value: create(), users: 0 };
      resources.set(key, resource);
    }
    if (!this.held.has(key)) {
      this.held.add(key);
      resource.users++;
    }
    return resource.value as T;
  };

  /** Gives up what the graph held; what nobody holds is closed. */
  async release(): Promise<void> {
    const unused: Closable[] = [];
    for (const key of this.held) {
      const resource = resources.get(key);
      if (resource === undefined || --resource.users > 0) continue;
      resources.delete(key);
      unused.push(resource.value);
    }
    this.held.clear();
    await Promise.all(unused.map((value) => value.close()));
  }
}

/** Number of resources in use, for tests that look for leaks. */
export function sharedResources(): number {
  return resources.size;
}
