// What a panel's menu saves and reads. Pure but for the file it hands to the browser.
import { toasts } from '../state/toasts.svelte';
import { saveFile } from '../ui/clipboard';
import type { PanelData, PanelSaves } from './panel';

export type SaveKind = 'png' | 'svg' | 'csv' | 'parquet';

function quoted(cell: string | number | null): string {
  const text = cell === null ? '' : String(cell);
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export function csvOfRows({ columns, rows }: PanelData): string {
  return [columns, ...rows].map((row) => `${row.map(quoted).join(',')}\n`).join('');
}

/** The ways to save that a kind offers, rows behind the picture included. */
export function savesOf(saves: PanelSaves, data: PanelData | null): PanelSaves {
  return data === null ? saves : { csv: () => Promise.resolve(csvOfRows(data)), table: () => data, ...saves };
}

export async function save(kind: SaveKind, saves: PanelSaves, name: string): Promise<void> {
  try {
    const made = await saves[kind]?.();
    if (made === undefined) return;
    const blob = typeof made === 'string' ? new Blob([made], { type: 'text/csv' }) : made;
    saveFile(`${name.replaceAll(/[^\w.-]+/g, '_')}.${kind}`, blob);
  } catch (error) {
    toasts.error(error);
  }
}
