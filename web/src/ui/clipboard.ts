// Copying and saving, with a word about how it went.
import { toasts } from '../state/toasts.svelte';
import { strings } from '../strings';

export function copyText(text: string): void {
  // The clipboard needs a secure context: https, or this machine. Elsewhere the old way still works.
  const done = () => toasts.info(strings.common.copied);
  if (navigator.clipboard) void navigator.clipboard.writeText(text).then(done, (error: unknown) => toasts.error(error));
  else if (copyBySelection(text)) done();
}

function copyBySelection(text: string): boolean {
  const area = document.createElement('textarea');
  area.value = text;
  area.className = 'visually-hidden';
  document.body.append(area);
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
