// Which runs a panel speaks of: those shown, or all that match the filter as far as a limit goes.
import type { Run } from '../../api/types';
import type { Options } from '../../lib/options';
import { choiceOf, numberOf } from '../../lib/options';
import type { ProjectSession } from '../../state/project.svelte';
import { panels } from '../../strings-panels';
import type { FormField } from './form';

export const SCOPES = ['shown', 'all'] as const;
export type Scope = (typeof SCOPES)[number];
/** More runs than this are asked for only on demand: each brings its config and summary. */
const LIMIT_DEFAULT = 1000;
const LIMIT_MAX = 10_000;

export interface PanelRuns {
  /** With their newest values, in list order. */
  readonly list: readonly Run[];
  /** What the header says: `1 000 of 8 120 runs`; null where nothing is left out. */
  readonly note: string | null;
}

/** To be called while a component is made. `read` gives what the component was given. */
export function panelRuns(
  session: () => ProjectSession,
  read: () => { runs: readonly Run[]; options: Options; scope: Scope },
): PanelRuns {
  const scope = $derived(choiceOf(read().options, 'scope', SCOPES, read().scope));
  const limit = $derived(Math.min(LIMIT_MAX, Math.max(1, numberOf(read().options, 'limit', LIMIT_DEFAULT))));
  const list = $derived(
    (scope === 'all' ? session().runs.first(limit) : read().runs.map((run) => session().runs.known(run.id) ?? run)).map(
      (run) => coloured(session(), run),
    ),
  );
  $effect(() => {
    if (scope === 'all') session().runs.ensure(0, limit - 1);
  });
  return {
    get list() {
      return list;
    },
    get note() {
      const all = session().runs.matching;
      return list.length < all && scope === 'all' ? panels.of(list.length, all) : null;
    },
  };
}

/** A run with the colour that the view gives it. */
function coloured(session: ProjectSession, run: Run): Run {
  const color = session.colours.of(run);
  return color === run.color ? run : { ...run, color };
}

export function scopeFields(options: Options, scope: Scope): FormField[] {
  const chosen = choiceOf(options, 'scope', SCOPES, scope);
  const fields: FormField[] = [
    {
      key: 'scope',
      kind: 'choice',
      label: panels.form.runs,
      value: chosen,
      options: [
        { value: 'shown', text: panels.form.shown },
        { value: 'all', text: panels.form.matching },
      ],
    },
  ];
  if (chosen === 'all') {
    fields.push({
      key: 'limit',
      kind: 'number',
      label: panels.form.limit,
      value: numberOf(options, 'limit', null),
      min: 1,
      max: LIMIT_MAX,
      empty: String(LIMIT_DEFAULT),
    });
  }
  return fields;
}
