import { onAbort } from '../../../abort.ts';
import { GlfsError, isGlfsError } from '../../../errors.ts';
import { portByBrickReply, portByBrickRequest, procedures } from '../../../protocol/handshake.ts';
import { Connection, type Endpoint } from '../../../rpc/index.ts';
import { simpleCall } from './brick-handshake.ts';

/** Ports that bricks were last seen on: they still work when the manager that knows them is down. */
const lastKnown = new Map<string, number>();
const LAST_KNOWN_LIMIT = 10_000;

/** One connection to a manager, used by all who ask it at the same time. */
const managers = new Map<string, Manager>();

interface Manager {
  readonly connection: Promise<Connection>;
  readonly leaving: AbortController;
  users: number;
}

export interface PortRequest {
  readonly manager: Endpoint;
  readonly subvolume: string;
  readonly timeout: number;
  readonly signal?: AbortSignal;
}

/**
 * Asks a manager for the port of one of its bricks.
 * @throws GlfsError ENOTCONN where it is not running or not known; what connecting throws where the manager can't be
 *   reached and no port is known from before.
 */
export async function brickPort(request: PortRequest): Promise<number> {
  const key = JSON.stringify([request.manager, request.subvolume]);
  try {
    const port = await askManager(request);
    if (lastKnown.size > LAST_KNOWN_LIMIT) lastKnown.clear();
    lastKnown.set(key, port);
    return port;
  } catch (error) {
    const known = lastKnown.get(key);
    if (known === undefined || isGlfsError(error, 'ENODEV', 'ECANCELED')) throw error;
    return known;
  }
}

async function askManager(request: PortRequest): Promise<number> {
  const deadline = performance.now() + request.timeout;
  const key = JSON.stringify(request.manager);
  let manager = managers.get(key);
  if (manager === undefined) {
    const leaving = new AbortController();
    const connection = Connection.open({
      endpoint: request.manager,
      connectTimeout: request.timeout,
      signal: leaving.signal,
    });
    // Whoever asks hears of it; when all have left, nobody does.
    connection.catch(() => {});
    manager = { connection, leaving, users: 0 };
    managers.set(key, manager);
  }
  manager.users++;
  try {
    const connection = await unlessAborted(manager.connection, request.signal);
    const reply = await simpleCall(
      connection,
      procedures.portByBrick,
      portByBrickRequest,
      portByBrickReply,
      { brick: request.subvolume },
      {
        deadline,
        signal: request.signal,
      },
    );
    // A brick that is not running has ret -1 and errno 0.
    if (reply.ret < 0 || reply.port <= 0 || reply.port > 65535) {
      throw new GlfsError('ENODEV', `the manager knows no running brick ${request.subvolume}`);
    }
    return reply.port;
  } finally {
    manager.users--;
    if (manager.users === 0 && managers.get(key) === manager) {
      managers.delete(key);
      manager.leaving.abort();
      manager.connection.then(
        (connection) => connection.destroy(),
        () => {},
      );
    }
  }
}

function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise<T>((resolve, reject) => {
    const end = (): void => reject(new GlfsError('ECANCELED', 'asking for the port of a brick was aborted'));
    if (signal.aborted) return end();
    const unwatch = onAbort(signal, end);
    promise.then(resolve, reject).finally(unwatch);
  });
}
