// Japanese, all of it: one chunk that is loaded before the page when its language is Japanese.
const files = import.meta.glob<Record<string, unknown>>('./strings*.ts', { eager: true });

/** Catalogues by the name of their file. */
export const catalogues: Record<string, unknown> = Object.fromEntries(
  Object.entries(files).map(([path, file]) => [path.slice(2, -3), file.default]),
);
