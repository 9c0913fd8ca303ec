import { describe, expect, it } from 'vitest';
import { binned, edgesAround, extentOf } from './figures';
import { plotlyFigure } from './plotly';
import { channelsOf, colourAt, listOf, VIRIDIS } from './plotly-values';
import { random as randomOf } from './random.fixture';

const packed = (values: number[], shape?: string) => {
  const bytes = new Uint8Array(Float64Array.from(values).buffer);
  const bdata = btoa(String.fromCharCode(...bytes));
  return shape ? { dtype: 'f8', bdata, shape } : { dtype: 'f8', bdata };
};
const figureOf = (data: unknown[], layout: unknown = {}) => plotlyFigure({ data, layout })!;

describe('what stands in the JSON', () => {
  it('reads lists that are packed, of one and of two dimensions', () => {
    expect(listOf(packed([1, 2.5, -3]))).toEqual([1, 2.5, -3]);
    expect(listOf(packed([1, 2, 3, 4, 5, 6], '2, 3'))).toEqual([[1, 2, 3], [4, 5, 6]]);
    expect(listOf({ dtype: 'f8', bdata: '!' })).toEqual([]);
    expect(listOf({ dtype: 'constructor', bdata: '' })).toEqual([]);
  });

  it('reads colours, and the places between two', () => {
    expect(channelsOf('#440154')).toEqual([68, 1, 84]);
    expect(channelsOf('#fff')).toEqual([255, 255, 255]);
    expect(channelsOf('rgba(1, 2, 3, 0.5)')).toEqual([1, 2, 3]);
    expect(colourAt(VIRIDIS, 0)).toBe('rgb(68,1,84)');
    expect(colourAt(VIRIDIS, 2)).toBe('rgb(253,231,37)');
    expect(colourAt(VIRIDIS, NaN)).toBe('rgb(68,1,84)');
  });

  it('is null for what is no figure, and names traces that are not drawn', () => {
    for (const other of [null, 3, [], {}, { data: {} }]) expect(plotlyFigure(other)).toBeNull();
    const found = figureOf([{ type: 'sankey' }, { type: 'toString' }, { type: 'scatter', y: [1] }]);
    expect(found.left).toEqual(['sankey', 'toString']);
    expect(found.figures).toHaveLength(1);
  });
});

describe('traces', () => {
  it('keeps points, their gaps, and the titles of both axes', () => {
    const layout = { title: { text: '<b>Waves</b>' }, xaxis: { title: { text: 't' } }, yaxis: { type: 'log', range: [0, 2] } };
    const found = figureOf([{ x: packed([1, 2, 3]), y: [1, null, 'NaN'], name: 'a', mode: 'lines' }], layout);
    const [figure] = found.figures;
    expect(found.title).toBe('Waves');
    expect(figure?.x.title).toBe('t');
    expect(figure?.y).toMatchObject({ kind: 'log', range: [1, 100] });
    expect(figure?.marks[0]).toMatchObject({ kind: 'points', x: [1, 2, 3], y: [1, NaN, NaN], lines: true, markers: false });
  });

  it('puts bars of two traces beside each other, or on each other', () => {
    const bars = [1, 2].map((y) => ({ type: 'bar', x: ['a', 'b'], y: [y, y] }));
    const rects = (layout: unknown) =>
      figureOf(bars, layout).figures[0]!.marks.flatMap((mark) => (mark.kind === 'rects' ? mark.rects : []));
    const [first, , second] = rects({});
    expect(first!.x1).toBeCloseTo(second!.x0);
    expect([first!.y1, second!.y1]).toEqual([1, 2]);
    const [low, , high] = rects({ barmode: 'stack' });
    expect([low!.x0, low!.x1]).toEqual([high!.x0, high!.x1]);
    expect([high!.y0, high!.y1]).toEqual([1, 3]);
    expect(figureOf(bars).figures[0]!.x).toMatchObject({ kind: 'category', categories: ['a', 'b'] });
  });

  it('reads moments, subplots, and figures in space', () => {
    const found = figureOf([
      { x: ['2024-01-01', '2024-01-02 12:00'], y: [1, 2] },
      { x: [1], y: [2], xaxis: 'x2', yaxis: 'y2' },
      { type: 'surface', z: [[1, 2], [3, 4]] },
      { type: 'scatter3d', x: [1], y: [2], z: [3] },
    ]);
    expect(found.figures.map((one) => one.x.kind)).toEqual(['time', 'number']);
    expect(found.scene?.triangles).toHaveLength(6);
    expect(found.scene?.points).toHaveLength(15);
  });

  it('counts every finite value once, whatever the bins', () => {
    const random = randomOf(7);
    for (let turn = 0; turn < 200; turn += 1) {
      const values = Array.from({ length: 1 + Math.floor(random() * 50) }, () => (random() < 0.1 ? NaN : random() * 10 - 5));
      const { rects } = binned(values, 1 + Math.floor(random() * 20));
      const sum = rects.reduce((all, rect) => all + rect.y1, 0);
      expect(sum).toBe(values.filter(Number.isFinite).length);
    }
  });

  it('finds edges around middles, and room around marks', () => {
    expect(edgesAround([1, 2, 4], 3)).toEqual([0.5, 1.5, 3, 5]);
    expect(edgesAround([0, 1], 1)).toEqual([0, 1]);
    const [figure] = figureOf([{ type: 'bar', x: [0, 1], y: [0, 4] }]).figures;
    expect(extentOf(figure!, 'y').min).toBe(0);
    expect(extentOf(figureOf([{ y: [] }]).figures[0]!, 'y')).toEqual({ min: 0, max: 1 });
  });
});
