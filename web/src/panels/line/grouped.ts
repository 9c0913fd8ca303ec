// Groups of runs as lines with bands.
import type { ChartLine } from '../../charts';
import { groupSeries, type Grouped } from '../../lib/grouping';
import type { SeriesData } from '../../lib/series';
import type { LineGroups } from '../../state/groups';
import { later } from '../../strings-later';

/** A group without a point of the metric is left out. */
export function groupedLines(series: readonly SeriesData[], groups: LineGroups, metric: string): ChartLine[] {
  const byRun = new Map(series.map((one) => [one.run, one]));
  const lines: ChartLine[] = [];
  for (const { key, label, colour, runs } of groups.list) {
    const members = runs.map((run) => byRun.get(run)).filter((one) => one !== undefined);
    if (members.length === 0) continue;
    const grouped: Grouped = groupSeries(members, groups, key, metric);
    lines.push({
      key,
      subject: key,
      label: later.groups.line(label, members.length),
      data: grouped.data,
      colour,
      band: grouped.band,
      thin: grouped.thin,
      note: (bucket) => later.groups.note(grouped.contributors[bucket] ?? 0, runs.length),
    });
  }
  return lines;
}
