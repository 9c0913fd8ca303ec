// Which panels there are, in which sections and order. Pure.
import type { Metric } from '../api/types';
import { panelTitle } from './system-names';

export interface Section {
  /** Stable name: the prefix before the last `/`, "" for metrics without one, `SYSTEM_KEY` for machine samples. */
  key: string;
  title: string;
  metrics: Metric[];
}

const PLAIN_TITLE = 'Charts';
const SYSTEM_TITLE = 'System';

const DEVICE_TITLES: Record<string, string> = {
  cpu: 'CPU',
  gpu: 'GPU',
  memory: 'Memory',
  disk: 'Disk',
  network: 'Network',
  proc: 'Process',
  cores: 'CPU cores',
};

const natural = new Intl.Collator('en', { numeric: true });

/** A colon cannot end a prefix that people log by accident, so a logged "system/x" keeps a section of its own. */
export const SYSTEM_KEY = 'system:';

function sectionKey(metric: Metric): string {
  if (metric.space === 'system') return SYSTEM_KEY;
  const cut = metric.path.lastIndexOf('/');
  return cut < 0 ? '' : metric.path.slice(0, cut);
}

function title(key: string): string {
  if (key === '') return PLAIN_TITLE;
  return key === SYSTEM_KEY ? SYSTEM_TITLE : key;
}

/** Among metrics that arrive together, what people look at first. */
const FIRST = [/^train/i, /^(val|valid|validation)([^a-z]|$)/i, /^(test|eval)/i];

export function headlineRank(path: string): number {
  const at = FIRST.findIndex((pattern) => pattern.test(path));
  return at < 0 ? FIRST.length : at;
}

/** First logged first; metrics that arrive together by name, with numbers in their order (layer.2 before layer.10). */
function firstLogged(a: Metric, b: Metric): number {
  const time = (a.first_us ?? 0) - (b.first_us ?? 0);
  return time || headlineRank(a.path) - headlineRank(b.path) || natural.compare(a.path, b.path);
}

/** What a run is judged by stands first in its section, the loss before all. */
const HEADLINES = [
  /(^|[^a-z])loss$/i,
  /(^|[^a-z])(acc|accuracy|err|error|reward|return|nll|ppl|perplexity|bpb|f1|auc|auroc|map|bleu|iou|mae|mse|rmse|score)$/i,
];

export function nameRank(path: string): number {
  const name = path.slice(path.lastIndexOf('/') + 1);
  const at = HEADLINES.findIndex((pattern) => pattern.test(name));
  return at < 0 ? HEADLINES.length : at;
}

export function isDrawable(metric: Metric): boolean {
  return !metric.hidden && metric.kind === 'number';
}

/** Sections in the order in which their first metric was logged, headlines first in each; System last. */
export function sectionsOf(metrics: readonly Metric[]): Section[] {
  const sections = new Map<string, Section>();
  for (const metric of metrics.filter(isDrawable).sort(firstLogged)) {
    const key = sectionKey(metric);
    const section = sections.get(key);
    if (section) section.metrics.push(metric);
    else sections.set(key, { key, title: title(key), metrics: [metric] });
  }
  const all = [...sections.values()];
  // Stable: metrics of one rank stay as they were logged.
  for (const { metrics } of all) metrics.sort((a, b) => nameRank(a.path) - nameRank(b.path));
  const isSystem = (section: Section) => section.key === SYSTEM_KEY;
  return [...all.filter((section) => !isSystem(section)), ...all.filter(isSystem)];
}

/** A test for names: plain text (all words, any case) or `/regular expression/`; null when the expression is not valid. */
export function matcher(search: string): ((name: string) => boolean) | null {
  const text = search.trim();
  if (text === '') return () => true;
  const expression = /^\/(.+)\/$/.exec(text);
  if (expression) {
    try {
      const pattern = new RegExp(expression[1] as string, 'i');
      return (name) => pattern.test(name);
    } catch {
      return null;
    }
  }
  const words = text.toLowerCase().split(/\s+/);
  return (name) => words.every((word) => name.toLowerCase().includes(word));
}

/** The panels whose metric or section matches; sections without any are left out. */
export function searchSections(sections: readonly Section[], search: string): Section[] {
  const test = matcher(search);
  if (!test) return [];
  const found: Section[] = [];
  for (const section of sections) {
    const metrics = section.metrics.filter((metric) => test(`${section.title} ${searched(metric)}`));
    if (metrics.length === section.metrics.length) found.push(section);
    else if (metrics.length) found.push({ ...section, metrics });
  }
  return found;
}

/** A machine sample is found by either of its names. */
function searched(metric: Metric): string {
  return metric.space === 'system' ? `${metric.label} ${panelTitle(metric)}` : metric.label;
}

/** The text of a panel's header inside its section: the part behind the last `/`. */
export function shortLabel(metric: Metric): string {
  return metric.space === 'system' ? panelTitle(metric) : metric.label.slice(metric.label.lastIndexOf('/') + 1);
}

function deviceOf(path: string): string {
  if (/^cpu\.\d/.test(path)) return 'cores';
  return Object.keys(DEVICE_TITLES).find((name) => path.startsWith(name)) ?? /^[^./_]+/.exec(path)?.[0] ?? path;
}

/** The machine's samples by device: `gpu.0.memory` stands in gpu, `proc.cpu` in proc. */
export function systemSections(metrics: readonly Metric[]): Section[] {
  const sections = new Map<string, Section>();
  for (const metric of metrics.filter((one) => one.space === 'system' && isDrawable(one)).sort(firstLogged)) {
    const device = deviceOf(metric.path);
    const key = `${SYSTEM_KEY}${device}`;
    const section = sections.get(key);
    if (section) section.metrics.push(metric);
    else sections.set(key, { key, title: DEVICE_TITLES[device] ?? device, metrics: [metric] });
  }
  return [...sections.values()];
}
