import type { FopName } from '../protocol/fops.ts';
import type { FaultRule } from './types.ts';

/**
 * What a running brick can be told, in this process or in a worker. Arguments and results cross a process boundary: data
 * only.
 */
export interface BrickOrders {
  /** Builds the brick of a volfile and starts it. Returns its port. */
  start(volfile: string): Promise<number>;
  /** Ends it as SIGKILL does: no call is answered any more. */
  kill(): Promise<void>;
  freeze(): Promise<void>;
  thaw(): Promise<void>;
  disconnectClients(): Promise<void>;
  /** Returns the number of the rule. */
  addFault(rule: FaultRule): Promise<number>;
  removeFault(rule: number): Promise<void>;
  faultActed(rule: number): Promise<number>;
  clearFaults(): Promise<void>;
  fill(full: boolean): Promise<void>;
  counts(): Promise<Partial<Record<FopName, number>>>;
}
