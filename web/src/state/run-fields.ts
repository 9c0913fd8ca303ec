// Fields of a run that people edit, as text and back. Pure.
import type { Run, RunPatch } from '../api/types';
import type { EditedField } from './run-lines.svelte';

export function textOf(run: Run, field: EditedField): string {
  return field === 'tags' ? run.tags.join(', ') : run[field];
}

/** What to send; null where the text is no value: a run is never without a name. */
export function patchFor(field: EditedField, text: string): RunPatch | null {
  if (field === 'tags') {
    return { tags: [...new Set(text.split(',').map((tag) => tag.trim()))].filter((tag) => tag !== '') };
  }
  if (field === 'notes') return { notes: text };
  const value = text.trim();
  return field === 'name' && value === '' ? null : { [field]: value };
}
