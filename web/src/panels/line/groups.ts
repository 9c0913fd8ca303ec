// What is asked of the server for groups: one line each, over all their runs.
import type { GroupsQuestion } from '../../api/schema';
import type { LineGroups } from '../../state/groups';
import type { ProjectSession } from '../../state/project.svelte';

type Values = NonNullable<GroupsQuestion['values']>[number];

export function questionOf(groups: LineGroups, session: ProjectSession): GroupsQuestion {
  return {
    by: [...session.groups.keys],
    filter: session.runs.filter,
    sort: session.runs.sort,
    values: groups.list.map((group) => JSON.parse(group.key) as Values),
    exclude: hiddenIn(groups, session),
    line: groups.line,
    band: groups.band,
    limit: groups.list.length,
  };
}

/** Runs of drawn groups whose eye is closed. */
function hiddenIn(groups: LineGroups, session: ProjectSession): string[] {
  const shown = new Set(groups.list.flatMap((group) => group.runs));
  const members = session.groups.list.flatMap((group) => group.members.map(({ run }) => run.id));
  return [...new Set(members.filter((run) => !shown.has(run)))].sort();
}
