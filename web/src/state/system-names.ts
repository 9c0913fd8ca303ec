// What a machine sample is called and counted in. Samples have the names of sdk-spec G-06; others keep theirs.
import type { Metric } from '../api/types';

export interface SystemName {
  title: string;
  unit: string;
}

type Rule = readonly [pattern: RegExp, title: string, unit: string];

/** `$1` is what the pattern's group found: a number, a path or a device. */
const RULES: readonly Rule[] = [
  [/^cpu$/, 'CPU of the process', '%'],
  [/^cpu\.(\d+)\.cpu_percent$/, 'CPU core $1', '%'],
  [/^memory_percent$/, 'Memory', '%'],
  [/^proc\.memory\.rssMB$/, 'Process memory', 'MB'],
  [/^proc\.memory\.percent$/, 'Process memory', '%'],
  [/^proc\.memory\.availableMB$/, 'Memory available', 'MB'],
  [/^proc\.cpu\.threads$/, 'Process threads', ''],
  [/^disk\.(.+)\.usagePercent$/, 'Disk $1 used', '%'],
  [/^disk\.(.+)\.usageGB$/, 'Disk $1 used', 'GB'],
  [/^disk\.in$/, 'Disk read', 'MB'],
  [/^disk\.out$/, 'Disk written', 'MB'],
  [/^disk\.(.+)\.in$/, 'Disk $1 read', 'MB'],
  [/^disk\.(.+)\.out$/, 'Disk $1 written', 'MB'],
  [/^network\.sent$/, 'Network sent', 'B'],
  [/^network\.recv$/, 'Network received', 'B'],
  [/^gpu\.(\d+)\.gpu$/, 'GPU $1', '%'],
  [/^gpu\.(\d+)\.memory$/, 'GPU $1 memory access', '%'],
  [/^gpu\.(\d+)\.memoryAllocated$/, 'GPU $1 memory', '%'],
  [/^gpu\.(\d+)\.memoryAllocatedBytes$/, 'GPU $1 memory', 'B'],
  [/^gpu\.(\d+)\.temp$/, 'GPU $1 temperature', '°C'],
  [/^gpu\.(\d+)\.powerWatts$/, 'GPU $1 power', 'W'],
  [/^gpu\.(\d+)\.powerPercent$/, 'GPU $1 power', '%'],
  [/^gpu\.(\d+)\.smClock$/, 'GPU $1 clock', 'MHz'],
  [/^gpu\.(\d+)\.memoryClock$/, 'GPU $1 memory clock', 'MHz'],
];

const UNITS: Record<string, string> = { percent: '%', watts: 'W', celsius: '°C' };

export function systemName(label: string): SystemName {
  for (const [pattern, title, unit] of RULES) {
    const found = pattern.exec(label);
    if (found) return { title: title.replace('$1', () => found[1] ?? ''), unit };
  }
  const tail = /(percent|GB|MB|KB|Watts|Celsius|MHz)$/i.exec(label)?.[1] ?? '';
  return { title: label, unit: UNITS[tail.toLowerCase()] ?? tail };
}

/** The text that names a panel wherever it stands alone. */
export function panelTitle(metric: Metric): string {
  if (metric.space !== 'system') return metric.label;
  const { title, unit } = systemName(metric.label);
  return unit === '' || title === metric.label ? title : `${title} ${unit}`;
}

/** The unit of a metric's values; logged metrics have none. */
export function unitOf(metric: Metric): string {
  return metric.space === 'system' ? systemName(metric.label).unit : '';
}
