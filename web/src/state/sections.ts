// Of which section a metric is, and what stands first; what a search finds. Pure. The layout itself is in `layout.ts`.
import type { Metric } from '../api/types';
import type { Panel, Section } from './layout';
import type { SectionRule } from './view-doc';

const PLAIN_TITLE = 'Charts';
const SYSTEM_TITLE = 'System';
const MEDIA_TITLE = 'Media';

const DEVICE_TITLES: Record<string, string> = {
  cpu: 'CPU',
  gpu: 'GPU',
  memory: 'Memory',
  disk: 'Disk',
  network: 'Network',
  proc: 'Process',
  cores: 'CPU cores',
};

/** A colon cannot end a prefix that people log by accident, so a logged "system/x" keeps a section of its own. */
export const SYSTEM_KEY = 'system:';

export type SectionOf = (metric: Metric) => string;

/** The section of a metric by its name: all before the last `/`, before the first, or one section for all. */
export function bySectionRule(rule: SectionRule): SectionOf {
  return (metric) => {
    if (metric.space === 'system') return SYSTEM_KEY;
    if (rule === 'none') return '';
    const cut = rule === 'first' ? metric.path.indexOf('/') : metric.path.lastIndexOf('/');
    return cut < 0 ? '' : metric.path.slice(0, cut);
  };
}

export function sectionTitle(key: string): string {
  if (key === '') return PLAIN_TITLE;
  if (key === SYSTEM_KEY) return SYSTEM_TITLE;
  if (key === 'media:') return MEDIA_TITLE;
  if (!key.startsWith(SYSTEM_KEY)) return key;
  const device = key.slice(SYSTEM_KEY.length);
  return DEVICE_TITLES[device] ?? device;
}

/** Among metrics that arrive together, what people look at first. */
const FIRST = [/^train/i, /^(val|valid|validation)([^a-z]|$)/i, /^(test|eval)/i];

export function headlineRank(path: string): number {
  const at = FIRST.findIndex((pattern) => pattern.test(path));
  return at < 0 ? FIRST.length : at;
}

/** A text that sorts as people count: `layer.2` before `layer.10`. Far cheaper to compare than a collator, ten thousand times. */
export function naturalKey(path: string): string {
  return path.toLowerCase().replace(/\d+/g, (digits) => digits.padStart(12, '0'));
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

/** The panels of which the metric, title or section matches; sections without any are left out. */
export function searchSections(sections: readonly Section[], search: string): readonly Section[] {
  if (search.trim() === '') return sections;
  const test = matcher(search);
  if (!test) return [];
  const found: Section[] = [];
  for (const section of sections) {
    const panels = section.panels.filter((panel) => test(`${section.title} ${searched(panel)}`));
    if (panels.length) found.push({ ...section, panels, folded: false });
  }
  return found;
}

/** A machine sample is found by either of its names, a panel of several metrics by any of them. */
function searched({ title, metric, spec }: Panel): string {
  if (metric) return `${metric.label} ${title}`;
  const { metrics, text } = spec.options as { metrics?: unknown; text?: unknown };
  return [title, ...(Array.isArray(metrics) ? metrics : []), typeof text === 'string' ? text : ''].join(' ');
}

/** The part of a metric's name behind its section; of an expression all that is computed. */
export function shortName(label: string): string {
  if (label.startsWith('=')) return label.slice(1).trim();
  return label.slice(label.lastIndexOf('/') + 1);
}

function deviceOf(path: string): string {
  if (/^cpu\.\d/.test(path)) return 'cores';
  return Object.keys(DEVICE_TITLES).find((name) => path.startsWith(name)) ?? /^[^./_]+/.exec(path)?.[0] ?? path;
}

/** The machine's samples by device: `gpu.0.memory` stands in gpu, `proc.cpu` in proc. */
export const byDevice: SectionOf = (metric) => `${SYSTEM_KEY}${deviceOf(metric.path)}`;
