/** How a file is shown, by its name and the type the server serves it as. */

export type FileKind = 'image' | 'video' | 'audio' | 'json' | 'markdown' | 'python' | 'patch' | 'table' | 'notebook' | 'pdf' | 'text' | 'none';

const BY_ENDING: Record<string, FileKind> = {
  png: 'image',
  jpg: 'image',
  jpeg: 'image',
  gif: 'image',
  webp: 'image',
  bmp: 'image',
  avif: 'image',
  mp4: 'video',
  webm: 'video',
  ogv: 'video',
  m4v: 'video',
  mov: 'video',
  wav: 'audio',
  mp3: 'audio',
  ogg: 'audio',
  oga: 'audio',
  flac: 'audio',
  m4a: 'audio',
  json: 'json',
  ipynb: 'notebook',
  csv: 'table',
  tsv: 'table',
  pdf: 'pdf',
  md: 'markdown',
  markdown: 'markdown',
  py: 'python',
  pyi: 'python',
  patch: 'patch',
  diff: 'patch',
};
const TEXT_ENDINGS = new Set(
  (
    'txt log yaml yml toml ini cfg conf env lock sh bash zsh js mjs ts tsx jsx css html htm xml svg sql rst tex r ' +
    'jl go rs c h cc cpp hpp cu java kt swift lua pl rb cmake dockerfile makefile gitignore jsonl ndjson obj pdb sdf mol'
  ).split(' '),
);

export function fileKind(path: string, type = ''): FileKind {
  const name = path.slice(path.lastIndexOf('/') + 1).toLowerCase();
  const ending = name.slice(name.lastIndexOf('.') + 1);
  const known = BY_ENDING[ending];
  if (known !== undefined) return known;
  if (TEXT_ENDINGS.has(ending)) return 'text';
  const family = type.slice(0, type.indexOf('/'));
  // A scalable picture is a document with scripts; browsers may not be shown it as anything but text.
  if (family === 'image' && !type.includes('svg')) return 'image';
  if (family === 'video' || family === 'audio') return family;
  if (type.includes('json')) return 'json';
  return family === 'text' ? 'text' : 'none';
}

/** Bytes for people: 1,000 to the next unit, as disks are sold. */
export function bytesText(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${value.toFixed(digits)} ${units[unit]}`;
}
