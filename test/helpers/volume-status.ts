/** One line of `gluster volume status --xml`: a brick, or a daemon when `path` is no brick path. */
export interface StatusNode {
  host: string;
  path: string;
  online: boolean;
  /** TCP port, 0 while offline. */
  port: number;
  /** Process id, 0 or -1 while offline. */
  pid: number;
}

/** The text of the first `<name>` element within an XML fragment, '' when there is none. */
export function element(xml: string, name: string): string {
  return new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1] ?? '';
}

/** Parses `gluster volume status <volume> --xml`. Nodes of stopped glusterds are not in it. */
export function parseStatus(xml: string): StatusNode[] {
  return [...xml.matchAll(/<node>([\s\S]*?)<\/node>/g)].map(([, node = '']) => ({
    host: element(node, 'hostname'),
    path: element(node, 'path'),
    online: element(node, 'status') === '1',
    port: Number(element(node, 'port')) || 0,
    pid: Number(element(node, 'pid')) || 0,
  }));
}

/** State of a rebalance or remove-brick task: `statusStr` and the number of files that were moved. */
export interface TaskStatus {
  status: string;
  files: number;
  failures: number;
  skipped: number;
  /** The same, node by node. */
  nodes: { host: string; status: string; files: number; failures: number; skipped: number }[];
}

/** Parses `gluster volume rebalance|remove-brick … status --xml`. */
export function parseTask(xml: string): TaskStatus {
  const parse = (part: string) => ({
    status: element(part, 'statusStr'),
    files: Number(element(part, 'files')),
    failures: Number(element(part, 'failures')),
    skipped: Number(element(part, 'skipped')),
  });
  const total = /<aggregate>([\s\S]*?)<\/aggregate>/.exec(xml)?.[1] ?? '';
  const nodes = [...xml.matchAll(/<node>([\s\S]*?)<\/node>/g)].map(([, node = '']) => ({
    host: element(node, 'nodeName'),
    ...parse(node),
  }));
  return { ...parse(total), nodes };
}
