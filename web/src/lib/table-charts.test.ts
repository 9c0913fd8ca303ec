import { describe, expect, it } from 'vitest';
import { chartOf, plotChart, visualizedChart } from './table-charts';

const table = (columns: string[], ...rows: unknown[][]) => ({ columns, rows });

describe('charts of tables', () => {
  it('reads both ways in which a chart is named', () => {
    const fields = { x: 'epoch', y: 'loss' };
    const own = plotChart({ _type: 'plot', spec: 'line/v0', table: 't', fields, strings: { title: 'Loss' } });
    const official = visualizedChart({
      panel_type: 'Vega2',
      panel_config: { panelDefId: 'wandb/line/v0', fieldSettings: { ...fields, stroke: null }, stringSettings: { title: 'Loss' } },
    });
    expect(official).toEqual(own);
    for (const other of [null, 1, {}, { _type: 'image-file' }]) {
      expect(plotChart(other)).toBeNull();
      expect(visualizedChart(other)).toBeNull();
    }
  });

  it('draws a line for each name, in the order of x', () => {
    const rows = table(['epoch', 'loss', 'run'], [2, 0.5, 'a'], [1, 1, 'a'], [1, 3, 'b']);
    const figure = chartOf({ spec: 'line/v0', fields: { x: 'epoch', y: 'loss', stroke: 'run' }, strings: {} }, rows);
    expect(figure?.marks).toMatchObject([
      { name: 'a', x: [1, 2], y: [1, 0.5], lines: true },
      { name: 'b', x: [1], y: [3] },
    ]);
  });

  it('keeps the order of a curve, whose x may go back', () => {
    const rows = table(['recall', 'precision', 'class'], [1, 0.2, 'a'], [0, 1, 'a']);
    const fields = { x: 'recall', y: 'precision', class: 'class' };
    expect(chartOf({ spec: 'area-under-curve/v0', fields, strings: {} }, rows)?.marks[0]).toMatchObject({ x: [1, 0] });
  });

  it('puts what was true down and what was said across', () => {
    const rows = table(['Actual', 'Predicted', 'nPredictions'], ['cat', 'dog', 4], ['dog', 'dog', 5]);
    const figure = chartOf({ spec: 'confusion_matrix/v1', fields: {}, strings: { title: 'C' } }, rows);
    expect(figure?.marks[0]).toMatchObject({ z: [[0, 4], [0, 5]], high: 5 });
    expect(figure?.y).toMatchObject({ categories: ['cat', 'dog'], isReversed: true });
  });

  it('is null where the chart or a column is not known', () => {
    const rows = table(['a'], [1]);
    expect(chartOf({ spec: 'mine/v0', fields: {}, strings: {} }, rows)).toBeNull();
    for (const spec of ['line/v0', 'bar/v0', 'histogram/v0', 'lineseries/v0', 'scatter/v0', 'confusion_matrix/v1', 'area-under-curve/v0']) {
      expect(chartOf({ spec, fields: {}, strings: {} }, rows)).toBeNull();
    }
  });
});
