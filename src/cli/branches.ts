/** A node of a drawn tree. */
export interface Branch {
  readonly text: string;
  readonly children: readonly Branch[];
}

/** The lines of a tree, as tree(1) draws it. */
export function* drawTree({ text, children }: Branch, indent = '', mark = ''): Generator<string> {
  yield indent + mark + text;
  const below = indent + (mark === '' ? '' : mark === LAST ? '    ' : '│   ');
  for (const [index, child] of children.entries())
    yield* drawTree(child, below, index === children.length - 1 ? LAST : MIDDLE);
}

const MIDDLE = '├── ';
const LAST = '└── ';
