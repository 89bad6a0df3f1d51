/** GlusterFS's arbiter has none: which brick is the arbiter is cluster/replicate's knowledge. */
export const options = {} as const;
