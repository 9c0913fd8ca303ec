// What a machine sample is called and counted in. Samples have the names of sdk-spec G-06; others keep theirs.
import type { Metric } from '../api/types';
import { chartWords } from '../strings-charts';

const names = chartWords.system;

export interface SystemName {
  title: string;
  unit: string;
}

type Rule = readonly [pattern: RegExp, title: string, unit: string];

/** `$1` is what the pattern's group found: a number, a path or a device. */
const RULES: readonly Rule[] = [
  [/^cpu$/, names.cpu, '%'],
  [/^cpu\.(\d+)\.cpu_percent$/, names.core, '%'],
  [/^memory_percent$/, names.memory, '%'],
  [/^proc\.memory\.rssMB$/, names.processMemory, 'MB'],
  [/^proc\.memory\.percent$/, names.processMemory, '%'],
  [/^proc\.memory\.availableMB$/, names.memoryAvailable, 'MB'],
  [/^proc\.cpu\.threads$/, names.threads, ''],
  [/^disk\.(.+)\.usagePercent$/, names.diskUsed, '%'],
  [/^disk\.(.+)\.usageGB$/, names.diskUsed, 'GB'],
  [/^disk\.in$/, names.diskRead, 'MB'],
  [/^disk\.out$/, names.diskWritten, 'MB'],
  [/^disk\.(.+)\.in$/, names.oneDiskRead, 'MB'],
  [/^disk\.(.+)\.out$/, names.oneDiskWritten, 'MB'],
  [/^network\.sent$/, names.sent, 'B'],
  [/^network\.recv$/, names.received, 'B'],
  [/^gpu\.(\d+)\.gpu$/, names.gpu, '%'],
  [/^gpu\.(\d+)\.memory$/, names.gpuAccess, '%'],
  [/^gpu\.(\d+)\.memoryAllocated$/, names.gpuMemory, '%'],
  [/^gpu\.(\d+)\.memoryAllocatedBytes$/, names.gpuMemory, 'B'],
  [/^gpu\.(\d+)\.temp$/, names.gpuTemperature, '°C'],
  [/^gpu\.(\d+)\.powerWatts$/, names.gpuPower, 'W'],
  [/^gpu\.(\d+)\.powerPercent$/, names.gpuPower, '%'],
  [/^gpu\.(\d+)\.smClock$/, names.gpuClock, 'MHz'],
  [/^gpu\.(\d+)\.memoryClock$/, names.gpuMemoryClock, 'MHz'],
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
