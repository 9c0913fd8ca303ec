// Copying and saving, with a word about how it went.
import { toasts } from '../state/toasts.svelte';
import { strings } from '../strings';

/** Puts a text on the clipboard; answers whether it is there. */
export async function copyText(text: string): Promise<boolean> {
  try {
    // The clipboard needs a secure context: https, or this machine. Elsewhere the old way still works.
    if (navigator.clipboard) await navigator.clipboard.writeText(text);
    else if (!copyBySelection(text)) return false;
  } catch (error) {
    toasts.error(error);
    return false;
  }
  toasts.info(strings.common.copied);
  return true;
}

function copyBySelection(text: string): boolean {
  const area = document.createElement('textarea');
  area.value = text;
  area.className = 'visually-hidden';
  // In an open dialog everything outside of it is inert, and cannot be selected.
  (document.querySelector('dialog[open]') ?? document.body).append(area);
  area.select();
  const copied = document.execCommand('copy');
  area.remove();
  return copied;
}

export function saveFile(name: string, content: Blob): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
