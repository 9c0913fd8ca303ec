// Prints the size of the built page and fails when a budget of docs (first load: 120 kB of JavaScript, gzip) is exceeded.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const BUDGET_KB = { js: 120, css: 30 };
const root = new URL('../../src/kiseki/server/static/', import.meta.url).pathname;
const html = readFileSync(join(root, 'index.html'), 'utf8');
const first = new Set([...html.matchAll(/(?:src|href)="\.?\/?(assets\/[^"]+)"/g)].map((m) => m[1]));
let failed = false;
for (const kind of ['js', 'css']) {
  let firstKb = 0;
  let allKb = 0;
  for (const name of readdirSync(join(root, 'assets')).filter((n) => n.endsWith(`.${kind}`))) {
    const kb = gzipSync(readFileSync(join(root, 'assets', name))).length / 1000;
    allKb += kb;
    if (first.has(`assets/${name}`)) firstKb += kb;
  }
  const over = firstKb > BUDGET_KB[kind];
  failed ||= over;
  console.log(
    `${kind}: first load ${firstKb.toFixed(1)} kB gzip of ${BUDGET_KB[kind]}, all ${allKb.toFixed(1)} kB${over ? '  OVER' : ''}`,
  );
}
process.exit(failed ? 1 : 0);
