// Which of a run's values are media, and what they consist of. Pure.
import type { Json, JsonTree, Metric, RunDetail } from '../api/types';
import { valueAt } from '../ui/format';

export type MediaKind = 'image' | 'video' | 'audio' | 'html' | 'histogram' | 'table' | 'other';

const KINDS: Record<string, MediaKind> = {
  'image-file': 'image',
  'images/separated': 'image',
  'video-file': 'video',
  'audio-file': 'audio',
  'html-file': 'html',
  histogram: 'histogram',
  'table-file': 'table',
  'incremental-table-file': 'table',
};

/** One picture, film, sound, table … with what lies over it. */
export interface MediaItem {
  kind: MediaKind;
  type: string;
  /** The run's file; "" for what has none. */
  path: string;
  caption: string;
  width: number;
  height: number;
  masks: { name: string; path: string; labels: Record<string, string> }[];
  boxes: { name: string; path: string }[];
  /** Of a table: where the whole of it is, with the media of its cells (`wandb-client-artifact://…`). */
  artifact: string;
  /** Of a histogram: n counts between n + 1 edges. */
  counts: readonly number[];
  edges: readonly number[];
}

const isTree = (value: unknown): value is JsonTree =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const text = (value: unknown): string => (typeof value === 'string' ? value : '');
const number = (value: unknown): number => (typeof value === 'number' ? value : 0);
const numbers = (value: unknown): number[] => (Array.isArray(value) ? value.map((one) => Number(one)) : []);

export function isMedia(value: Json | undefined): boolean {
  if (Array.isArray(value))
    return value.length > 0 && value.every((one) => isTree(one) && typeof one._type === 'string');
  // A chart is shown by the table that it is made of.
  return isTree(value) && typeof value._type === 'string' && value._type !== 'omitted' && value._type !== 'plot';
}

/** What a logged value shows; several for a list. */
export function itemsOf(value: Json | undefined): MediaItem[] {
  if (Array.isArray(value)) return value.flatMap((one) => itemsOf(one));
  if (!isTree(value) || typeof value._type !== 'string') return [];
  if (value._type === 'images/separated') return separated(value);
  const kind = KINDS[value._type] ?? 'other';
  const [counts, edges] = kind === 'histogram' ? histogramOf(value) : [[], []];
  return [
    {
      ...blank(kind, value),
      ...overlaysOf(value.masks, value.boxes),
      path: text(value.path),
      caption: text(value.caption),
      artifact: text(value.artifact_path),
      counts,
      edges,
    },
  ];
}

function blank(kind: MediaKind, value: JsonTree): MediaItem {
  return {
    kind,
    type: text(value._type),
    path: '',
    caption: '',
    width: number(value.width),
    height: number(value.height),
    masks: [],
    boxes: [],
    artifact: '',
    counts: [],
    edges: [],
  };
}

function separated(value: JsonTree): MediaItem[] {
  const names = Array.isArray(value.filenames) ? value.filenames.map(text) : [];
  const captions = Array.isArray(value.captions) ? value.captions.map(text) : [];
  const [masks, boxes] = [value.all_masks, value.all_boxes].map((list) => (Array.isArray(list) ? list : []));
  return names.map((name, i) => ({
    ...blank('image', value),
    ...overlaysOf(masks?.[i], boxes?.[i]),
    path: name.includes('/') ? name : `media/images/${name}`,
    caption: captions[i] ?? '',
  }));
}

function overlaysOf(masks: Json | undefined, boxes: Json | undefined): Pick<MediaItem, 'masks' | 'boxes'> {
  const entries = (value: Json | undefined) =>
    isTree(value) ? Object.entries(value).filter(([, one]) => isTree(one)) : [];
  const labels = (value: Json | undefined) =>
    isTree(value) ? Object.fromEntries(Object.entries(value).map(([id, name]) => [id, text(name)])) : {};
  return {
    masks: entries(masks).map(([name, one]) => ({
      name,
      path: text((one as JsonTree).path),
      labels: labels((one as JsonTree).class_labels),
    })),
    boxes: entries(boxes).map(([name, one]) => ({ name, path: text((one as JsonTree).path) })),
  };
}

/** Edges may be written out, or as [first, step, count] (`packedBins`). */
function histogramOf(value: JsonTree): [number[], number[]] {
  const counts = numbers(value.values);
  const packed = value.packedBins;
  if (isTree(packed)) {
    const [min, size, count] = [number(packed.min), number(packed.size), number(packed.count)];
    return [counts, Array.from({ length: count + 1 }, (_, i) => min + i * size)];
  }
  return [counts, numbers(value.bins)];
}

export interface MediaKey {
  path: string;
  label: string;
}

/** The run's keys that hold or may hold media, first logged first. */
export function mediaKeys(run: RunDetail, metrics: readonly Metric[]): MediaKey[] {
  const logged = new Set(run.logged.filter((one) => one.space === 'history').map((one) => one.path));
  const keys = new Map<string, MediaKey>();
  for (const metric of metrics) {
    if (metric.space !== 'history' || metric.kind === 'number' || !logged.has(metric.path)) continue;
    const last = valueAt(run.summary, metric.path);
    // Without a last value (a summary rule, a later number) only the history knows.
    if (last === undefined || isMedia(last)) keys.set(metric.path, { path: metric.path, label: metric.label });
  }
  for (const path of Object.keys(run.summary)) {
    if (!keys.has(path) && logged.has(path) && isMedia(run.summary[path])) keys.set(path, { path, label: path });
  }
  return [...keys.values()];
}

export interface MediaStep {
  step: number;
  items: MediaItem[];
}

export interface Box {
  /** Parts of the picture, 0 to 1. */
  left: number;
  top: number;
  width: number;
  height: number;
  label: string;
  classId: number;
  className: string;
}

/** Boxes of a `boxes2D` file. */
export function boxesOf(file: unknown, width: number, height: number): Box[] {
  const data = isTree(file) && Array.isArray(file.box_data) ? file.box_data : [];
  const labels = isTree(file) && isTree(file.class_labels) ? file.class_labels : {};
  return data.flatMap((one) => {
    if (!isTree(one) || !isTree(one.position)) return [];
    const { position } = one;
    const isPixels = one.domain === 'pixel';
    const [sx, sy] = isPixels ? [1 / (width || 1), 1 / (height || 1)] : [1, 1];
    const classId = number(one.class_id);
    const scores = isTree(one.scores) ? Object.entries(one.scores).map(([name, score]) => `${name} ${score}`) : [];
    const className = text(labels[String(classId)]);
    const label = [text(one.box_caption) || className, ...scores].filter(Boolean).join(' · ');
    const middle = numbers(position.middle);
    const [w, h] =
      middle.length === 2
        ? [number(position.width), number(position.height)]
        : [number(position.maxX) - number(position.minX), number(position.maxY) - number(position.minY)];
    const [x, y] =
      middle.length === 2
        ? [(middle[0] as number) - w / 2, (middle[1] as number) - h / 2]
        : [number(position.minX), number(position.minY)];
    return [{ left: x * sx, top: y * sy, width: w * sx, height: h * sy, label, classId, className }];
  });
}
