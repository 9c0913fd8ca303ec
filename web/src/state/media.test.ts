import { describe, expect, it } from 'vitest';
import type { Metric, RunDetail } from '../api/types';
import { boxesOf, isMedia, itemsOf, mediaKeys } from './media';

describe('media', () => {
  it('are told from other values by their type', () => {
    expect(isMedia({ _type: 'image-file', path: 'x' })).toBe(true);
    expect(isMedia([{ _type: 'audio-file', path: 'x' }])).toBe(true);
    expect(isMedia({ _type: 'omitted', items: 3 })).toBe(false);
    expect(isMedia({ _type: 'plot', spec: 'line/v0', table: 'a_table' })).toBe(false);
    expect(isMedia([1, 2])).toBe(false);
    expect(isMedia('text')).toBe(false);
  });

  it('consist of items with captions and what lies over them', () => {
    const list = itemsOf({
      _type: 'images/separated',
      count: 2,
      filenames: ['media/images/a_0.png', 'b_0.png'],
      captions: ['one', 'two'],
      all_masks: [{ truth: { _type: 'mask', path: 'media/images/mask/a.png', class_labels: { '1': 'cat' } } }, null],
    });
    expect(list.map((item) => [item.path, item.caption, item.masks.length])).toEqual([
      ['media/images/a_0.png', 'one', 1],
      ['media/images/b_0.png', 'two', 0],
    ]);
    expect(list[0]?.masks[0]?.labels).toEqual({ '1': 'cat' });
    expect(itemsOf({ _type: 'video-file', path: 'media/videos/v.mp4' })[0]).toMatchObject({ kind: 'video' });
    expect(itemsOf({ _type: 'object3D-file', path: 'x' })[0]?.kind).toBe('other');
    expect(itemsOf({ _type: 'histogram', values: [1, 2], bins: [0, 1, 2] })[0]).toMatchObject({
      counts: [1, 2],
      edges: [0, 1, 2],
    });
    expect(
      itemsOf({ _type: 'histogram', values: [1, 2], packedBins: { min: 1, size: 2, count: 2 } })[0]?.edges,
    ).toEqual([1, 3, 5]);
  });

  it('are found among the keys of a run', () => {
    const metric = (path: string, kind: string) => ({ path, label: path, kind, space: 'history' }) as Metric;
    const run = {
      logged: ['loss', 'pic', 'words', 'old'].map((path) => ({ path, space: 'history' })),
      summary: { loss: 1, pic: { _type: 'image-file' }, words: 'hello' },
    } as unknown as RunDetail;
    const metrics = [
      metric('loss', 'number'),
      metric('pic', 'other'),
      metric('words', 'other'),
      metric('old', 'other'),
      metric('not', 'other'),
    ];
    expect(mediaKeys(run, metrics).map((key) => key.path)).toEqual(['pic', 'old']);
  });

  it('have boxes in parts of the picture, however they were given', () => {
    const file = {
      class_labels: { '1': 'cat' },
      box_data: [
        { position: { minX: 0.1, maxX: 0.3, minY: 0.2, maxY: 0.6 }, class_id: 1, scores: { p: 0.9 } },
        { position: { middle: [50, 20], width: 20, height: 10 }, domain: 'pixel', box_caption: 'dog' },
      ],
    };
    const [first, second] = boxesOf(file, 100, 40);
    expect(first).toMatchObject({ left: 0.1, top: 0.2, label: 'cat · p 0.9', classId: 1 });
    expect(second).toMatchObject({ left: 0.4, top: 0.375, width: 0.2, height: 0.25, label: 'dog' });
    expect(boxesOf('nonsense', 1, 1)).toEqual([]);
  });
});
