import type { mediaWords as English } from '../strings-media';
import { n } from './words';

export default {
  figure: (name, marks) => `図 ${name}：${n(marks)} 系列`,
  legend: '系列',
  left: (kinds) => `ここでは描画できない種類があります：${kinds}。ファイルをダウンロードし plotly で開いてください。`,
  nothing: 'この図はここでは描画できません',
  noFigure: 'このファイルには図がありません',
  noFigureText: '種類のとおりに読み取れませんでした。ダウンロードして確認してください。',
  noSpace: 'このファイルには描画できる立体がありません',
  tooBig: (size) => `大きすぎるためここでは表示できません（${size}）。`,
  asText: 'テキスト',
  space: (name, points, faces) =>
    faces > 0 ? `${name}：三角形 ${n(faces)} 個の立体` : `${name}：${n(points)} 点の点群`,
  molecule: (name, atoms) => `${name}：原子 ${n(atoms)} 個の分子`,
  points: (points, faces) => (faces > 0 ? `三角形 ${n(faces)} 個` : `${n(points)} 点`),
  atoms: (atoms) => `原子 ${n(atoms)} 個`,
  spaceHint: 'ドラッグで回転、Shift を押しながらドラッグで移動。矢印キー、+ と −、0 で最初に戻る',
  closer: '近づける',
  farther: '遠ざける',
  anew: '最初に戻す',
  chart: 'グラフ',
  rows: '行',
  show: (key) => `${key} の表示`,
  unknownChart: (spec) => `${spec} のグラフはここでは描画できません。元になった行を表示しています。`,
} satisfies typeof English;
