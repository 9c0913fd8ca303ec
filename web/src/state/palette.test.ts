import { describe, expect, it } from 'vitest';
import { parseQuery, rank, remembered, type Entry, type EntryKind } from './palette';

const entry = (kind: EntryKind, text: string): Entry => ({ key: `${kind}:${text}`, kind, text, icon: 'info' });
const all = [
  entry('action', 'Change the theme'),
  entry('page', 'Runs table'),
  entry('run', 'baseline-7'),
  entry('metric', 'train/loss'),
  entry('metric', 'val/loss'),
  entry('project', 'ada/digits'),
  entry('tag', 'baseline'),
  entry('user', 'ada'),
];
const texts = (query: string, recent: string[] = [], limit = 10) =>
  rank(all, parseQuery(query), recent, limit).map((hit) => hit.entry.text);

describe('the palette', () => {
  it('reads prefixes', () => {
    expect(parseQuery(' >theme ')).toEqual({ kind: 'action', text: 'theme' });
    expect(parseQuery('/')).toEqual({ kind: 'metric', text: '' });
    expect(parseQuery('train/loss')).toEqual({ kind: null, text: 'train/loss' });
  });

  it('keeps to the kind that was asked for', () => {
    expect(texts('#')).toEqual(['baseline']);
    expect(texts('@a')).toEqual(['ada']);
    expect(texts('/loss').sort()).toEqual(['train/loss', 'val/loss']);
    expect(texts('>')).toEqual(['Change the theme']);
    expect(texts('baseline')).toEqual(['baseline-7']);
  });

  it('shows what was used last first, and before anything is typed no lists of data', () => {
    expect(texts('').sort()).toEqual(['Change the theme', 'Runs table']);
    expect(texts('', ['metric:val/loss'])[0]).toBe('val/loss');
    expect(texts('loss', ['metric:train/loss'])).toEqual(['train/loss', 'val/loss']);
    expect(texts('loss', ['metric:val/loss'])).toEqual(['val/loss', 'train/loss']);
  });

  it('holds no more than it is asked for, the best of them', () => {
    const many = Array.from({ length: 2000 }, (_, i) => entry('metric', `layer${i}/loss`));
    const hits = rank([...many, entry('metric', 'loss')], parseQuery('loss'), [], 5);
    expect(hits).toHaveLength(5);
    expect(hits[0]?.entry.text).toBe('loss');
  });

  it('remembers each thing once, the latest first, and not for ever', () => {
    expect(remembered(['a', 'b'], 'b')).toEqual(['b', 'a']);
    expect(
      remembered(
        Array.from({ length: 60 }, (_, i) => String(i)),
        'x',
      ),
    ).toHaveLength(40);
  });
});
