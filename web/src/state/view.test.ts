import { describe, expect, it } from 'vitest';
import {
  fromQuery,
  parseRange,
  parseSmoothing,
  rangeText,
  requestRange,
  smoothingText,
  toQuery,
  VIEW_DEFAULT,
  xFor,
  type ViewSettings,
} from './view';

function through(view: ViewSettings): ViewSettings {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(toQuery(view))) if (value !== null) query.set(key, value);
  return fromQuery(query);
}

describe('view in the address', () => {
  it('says nothing when nothing was changed', () => {
    expect(Object.values(toQuery(VIEW_DEFAULT)).every((value) => value === null)).toBe(true);
  });

  it('comes back as it went', () => {
    const view: ViewSettings = {
      axis: 'relative',
      smoothing: { kind: 'ema', weight: 0.99 },
      raw: false,
      logX: true,
      logY: true,
      clip: true,
      columns: 5,
    };
    expect(through(view)).toEqual(view);
    expect(through({ ...VIEW_DEFAULT, smoothing: { kind: 'median', points: 11 } }).smoothing).toEqual({
      kind: 'median',
      points: 11,
    });
  });

  it('survives nonsense', () => {
    expect(fromQuery(new URLSearchParams('axis=moon&smooth=ema:7&cols=99&log=q'))).toEqual({
      ...VIEW_DEFAULT,
      columns: 6,
    });
    expect(parseSmoothing('gaussian:-1')).toEqual({ kind: 'none' });
    expect(smoothingText({ kind: 'none' })).toBe('');
  });

  it('reads and writes a zoom', () => {
    expect(parseRange('10..20.5')).toEqual([10, 20.5]);
    expect(parseRange('-3..1e3')).toEqual([-3, 1000]);
    for (const bad of [null, '', '5', '9..3', 'a..b', '1..']) expect(parseRange(bad)).toBeNull();
    const [from, to] = parseRange(rangeText([1_700_000_000.123, 1_700_000_100.456])) as [number, number];
    expect(from).toBeCloseTo(1_700_000_000.123, 4);
    expect(to).toBeCloseTo(1_700_000_100.456, 4);
  });

  it('asks for more than is seen, and for the lead-in of the smoothing', () => {
    expect(requestRange(null)).toBeNull();
    expect(requestRange([100, 200])).toEqual([75, 225]);
    expect(requestRange([100, 200], 60)).toEqual([40, 225]);
  });

  it('takes the declared step metric for steps, and the run clock for machine samples', () => {
    expect(xFor('step', 'history', 'epoch')).toBe('epoch');
    expect(xFor('step', 'history', null)).toBe('_step');
    expect(xFor('time', 'history', 'epoch')).toBe('_timestamp');
    expect(xFor('step', 'system', null)).toBe('_runtime');
  });
});
