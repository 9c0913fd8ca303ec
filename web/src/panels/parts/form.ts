// A form as a list of fields: each kind of panel says which, OptionsForm.svelte draws them.
import type { Options } from '../../lib/options';

interface Common {
  key: string;
  label: string;
  hint?: string;
}

export type FormField = Common &
  (
    | { kind: 'choice'; value: string; options: readonly { value: string; text: string }[] }
    | { kind: 'flag'; value: boolean }
    | { kind: 'number'; value: number | null; min?: number; max?: number; step?: number; empty?: string }
    | { kind: 'text'; value: string; lines?: number }
    /** A path of a run, or a metric. `none` names the choice of nothing. */
    | { kind: 'path'; value: string; choices: readonly string[]; none?: string }
    | { kind: 'paths'; value: readonly string[]; choices: readonly string[]; max?: number }
  );

export type OptionsPatch = Record<string, unknown>;

/** A patch on top of what is kept; what becomes undefined is kept no more. */
export function patched(options: Options, patch: OptionsPatch): Record<string, unknown> {
  return Object.fromEntries(Object.entries({ ...options, ...patch }).filter(([, value]) => value !== undefined));
}
