/*
 * The promise: SELinux labels of clients live beside those of the server's own file system: security.selinux is stored as
 * trusted.glusterfs.selinux. The failure that it hides: a brick's kernel that refuses or rewrites labels of the client. glusterd
 * stacks it in bricks; in a client's volfile it does the same one floor higher.
 */
import {
  type CallContext,
  type Reply,
  type Request,
  Translator,
  type TranslatorType,
} from '../../../graph/index.ts';
import { Dict } from '../../../protocol/dict.ts';
import { options } from './options.ts';

const OUTSIDE = 'security.selinux';
const INSIDE = 'trusted.glusterfs.selinux';

export class Selinux extends Translator<typeof options> {
  async setxattr(request: Request<'setxattr'>, context: CallContext): Promise<Reply<'setxattr'>> {
    return this.child.setxattr(this.inward(request), context);
  }

  async fsetxattr(request: Request<'fsetxattr'>, context: CallContext): Promise<Reply<'fsetxattr'>> {
    return this.child.fsetxattr(this.inward(request), context);
  }

  async getxattr(request: Request<'getxattr'>, context: CallContext): Promise<Reply<'getxattr'>> {
    if (!this.concerns(request.name)) return this.child.getxattr(request, context);
    const reply = await this.child.getxattr({ ...request, name: INSIDE }, context);
    return { ...reply, dict: renamed(reply.dict, INSIDE, OUTSIDE) };
  }

  async fgetxattr(request: Request<'fgetxattr'>, context: CallContext): Promise<Reply<'fgetxattr'>> {
    if (!this.concerns(request.name)) return this.child.fgetxattr(request, context);
    const reply = await this.child.fgetxattr({ ...request, name: INSIDE }, context);
    return { ...reply, dict: renamed(reply.dict, INSIDE, OUTSIDE) };
  }

  private concerns(name: string): boolean {
    return this.options.selinux && name === OUTSIDE;
  }

  private inward<R extends { dict?: Dict }>(request: R): R {
    if (!this.options.selinux || request.dict?.has(OUTSIDE) !== true) return request;
    return { ...request, dict: renamed(request.dict, OUTSIDE, INSIDE) };
  }
}

function renamed(dict: Dict | undefined, from: string, to: string): Dict | undefined {
  if (dict?.has(from) !== true) return dict;
  return new Dict([...dict].map(([name, entry]) => [name === from ? to : name, entry] as const));
}

export const selinuxType: TranslatorType<typeof options> = {
  type: 'features/selinux',
  summary: 'Stores SELinux labels of clients apart from those of the servers.',
  options,
  create: (setup) => new Selinux(setup),
};
