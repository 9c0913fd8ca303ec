import { describe, expect, it } from 'vitest';
import { bytesText, fileKind } from './file-kinds';
import { treeOf } from './file-tree';

describe('files', () => {
  it('are shown by what they are', () => {
    expect(fileKind('media/a.PNG')).toBe('image');
    expect(fileKind('media/a.gif')).toBe('image');
    expect(fileKind('rl-video-episode-0.mp4')).toBe('video');
    expect(fileKind('code/train.py', 'text/plain')).toBe('python');
    expect(fileKind('diff.patch')).toBe('patch');
    expect(fileKind('logo.svg', 'image/svg+xml')).toBe('text');
    expect(fileKind('page.html', 'application/octet-stream')).toBe('text');
    expect(fileKind('model.pt', 'application/octet-stream')).toBe('none');
    expect(fileKind('Makefile')).toBe('text');
    expect(fileKind('noending', 'text/plain')).toBe('text');
  });

  it('have sizes that people read', () => {
    expect([0, 999, 1000, 1234, 12_345, 999_700, 5e9].map(bytesText)).toEqual([
      '0 B',
      '999 B',
      '1.00 kB',
      '1.23 kB',
      '12.3 kB',
      '1.00 MB',
      '5.00 GB',
    ]);
  });

  it('stand in folders, in natural order', () => {
    const files = ['b.txt', 'code/train.py', 'a10.txt', 'a2.txt', 'code/lib/x.py'].map((path) => ({ path, size: 10 }));
    const shown = (rows: ReturnType<typeof treeOf>) => rows.map((row) => '  '.repeat(row.depth) + row.name);
    expect(shown(treeOf(files))).toEqual(['code', '  lib', '    x.py', '  train.py', 'a2.txt', 'a10.txt', 'b.txt']);
    expect(treeOf(files)[0]).toMatchObject({ files: 2, size: 20 });
    expect(shown(treeOf(files, '', new Set(['code'])))).toEqual(['code', 'a2.txt', 'a10.txt', 'b.txt']);
    expect(shown(treeOf(files, 'code x', new Set(['code'])))).toEqual(['code', '  lib', '    x.py']);
    expect(treeOf(files, 'nothing')).toEqual([]);
  });
});
