import { describe, expect, it } from 'vitest';
import { View } from './view';

function view(): View {
  const made = new View();
  made.homeX = { min: 0, max: 1000 };
  made.homeY = { min: 0, max: 1 };
  return made;
}

describe('zoom and its history (ui-spec 5.6)', () => {
  it('goes back step by step', () => {
    const v = view();
    expect(v.set({ x: { min: 100, max: 500 }, y: null })).toBe(true);
    expect(v.set({ x: { min: 200, max: 300 }, y: { min: 0.2, max: 0.4 } })).toBe(true);
    expect(v.back()).toBe(true);
    expect(v.zoom).toEqual({ x: { min: 100, max: 500 }, y: null });
    expect(v.back()).toBe(true);
    expect(v.isZoomed).toBe(false);
    expect(v.back()).toBe(false);
  });

  it('a gesture of many moves is one step', () => {
    const v = view();
    v.begin();
    for (let i = 0; i < 20; i += 1) v.scaleX(500, 0.9);
    expect(v.settle()).toBe(true);
    expect(v.x.max - v.x.min).toBeCloseTo(1000 * 0.9 ** 20, 6);
    v.back();
    expect(v.isZoomed).toBe(false);
  });

  it('a gesture that ends where it began is no step', () => {
    const v = view();
    v.begin();
    expect(v.settle()).toBe(false);
    expect(v.back()).toBe(false);
  });

  it('zooming out past everything is no zoom', () => {
    const v = view();
    v.set({ x: { min: 400, max: 600 }, y: null });
    v.begin();
    v.scaleX(500, 50);
    v.settle();
    expect(v.zoom.x).toBeNull();
  });

  it('never gets narrower than one step', () => {
    const v = view();
    v.set({ x: { min: 500, max: 500.001 }, y: null });
    expect(v.x.max - v.x.min).toBeCloseTo(1, 6);
  });

  it('an address is obeyed before there is data', () => {
    const v = new View();
    expect(v.jump({ x: { min: 0, max: 5000 }, y: null })).toBe(true);
    expect(v.x).toEqual({ min: 0, max: 5000 });
  });
});

describe('pan', () => {
  it('moves the window and keeps its width', () => {
    const v = view();
    v.set({ x: { min: 400, max: 600 }, y: null });
    v.panX(0.25);
    expect(v.x).toEqual({ min: 450, max: 650 });
  });

  it('does not lose the data', () => {
    const v = view();
    v.set({ x: { min: 400, max: 600 }, y: null });
    for (let i = 0; i < 50; i += 1) v.panX(0.5);
    expect(v.x).toEqual({ min: 900, max: 1100 });
  });

  it('moves by decades on a log axis', () => {
    const v = view();
    v.xScale = 'log';
    v.homeX = { min: 1, max: 1e6 };
    v.set({ x: { min: 10, max: 1000 }, y: null });
    v.panX(0.5);
    expect(v.x.min).toBeCloseTo(100, 6);
    expect(v.x.max).toBeCloseTo(10_000, 4);
  });
});
