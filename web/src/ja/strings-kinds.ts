import type { kindWords as English } from '../strings-kinds';

export default {
  bar: '棒グラフ',
  box: '箱ひげ図',
  scatter: '散布図',
  parallel: '平行座標',
  importance: 'パラメータの重要度',
  histogram: 'ステップごとのヒストグラム',
  media: 'メディア',
  table: '表',
  text: 'テキスト',
  number: '数値',
  note: 'メモ',
  comparer: '実行の比較表',
  by: (y, x) => `${x} に対する ${y}`,
  of: (kind, key) => `${kind}: ${key}`,
} satisfies typeof English;
