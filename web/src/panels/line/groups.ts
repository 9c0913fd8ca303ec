// What is asked of the server for groups: one line each, over all their runs.
import type { GroupsQuestion } from '../../api/schema';
import type { LineGroups } from '../../state/groups';

export function questionOf(groups: LineGroups): GroupsQuestion {
  return {
    by: [...groups.by],
    filter: groups.filter,
    sort: groups.sort,
    values: groups.list.map((group) => [...group.raw]),
    exclude: [...groups.exclude],
    line: groups.line,
    band: groups.band,
    stop_at_shortest: groups.stopAtShortest ?? false,
    limit: groups.list.length,
  };
}
