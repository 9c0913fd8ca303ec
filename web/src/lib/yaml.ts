/** A tree of values as YAML 1.2 (block style), as people paste it into files. */

type Value = string | number | bigint | boolean | null | readonly Value[] | { readonly [key: string]: Value };

const PLAIN = /^[A-Za-z_/][\w/.+-]*( [\w/.+-]+)*$/;
/** Words that some reader takes for something else than text. */
const WORDS = /^(true|false|null|yes|no|on|off|y|n|nan|inf|infinity|~)$/i;

export function yamlOf(tree: { readonly [key: string]: unknown }): string {
  const lines: string[] = [];
  write(tree as Value, 0, lines);
  return `${lines.join('\n')}\n`;
}

function write(value: Value, depth: number, lines: string[]): void {
  const pad = '  '.repeat(depth);
  if (Array.isArray(value)) {
    for (const item of value as readonly Value[]) {
      if (isBranch(item)) {
        const below: string[] = [];
        write(item, depth + 1, below);
        lines.push(`${pad}- ${below[0]!.slice(pad.length + 2)}`, ...below.slice(1));
      } else lines.push(`${pad}- ${scalar(item)}`);
    }
    return;
  }
  for (const [key, item] of Object.entries(value as { [key: string]: Value })) {
    if (isBranch(item)) {
      lines.push(`${pad}${text(key)}:`);
      write(item, depth + 1, lines);
    } else lines.push(`${pad}${text(key)}: ${scalar(item)}`);
  }
}

const isBranch = (value: Value): boolean => typeof value === 'object' && value !== null && Object.keys(value).length > 0;

function scalar(value: Value): string {
  if (Array.isArray(value)) return '[]';
  if (typeof value === 'object') return value === null ? 'null' : '{}';
  return typeof value === 'string' ? text(value) : String(value);
}

function text(value: string): string {
  return PLAIN.test(value) && !WORDS.test(value) ? value : JSON.stringify(value);
}
