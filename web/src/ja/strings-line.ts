import type { lineWords as English } from '../strings-line';
import { n } from './words';

export default {
  group: {
    line: (label, runs) => `${label} (${n(runs)} ラン)`,
    note: (contributors, all) => `n = ${contributors} / ${all}`,
  },
  legend: {
    title: '線',
    count: (drawn, all) => (drawn === all ? `${n(all)} 本` : `${n(all)} 件中 ${n(drawn)} 件`),
    hidden: (count) => `ここでは ${n(count)} 本を非表示`,
    search: '線を探す',
    orders: { list: '一覧の順', last: '最終値', name: '名前' },
    order: '並び順',
    toggle: (label) => `${label} を表示`,
    hint: 'Alt + クリックで 1 本だけ表示',
    all: 'すべて表示',
    more: 'さらに 100 件',
    every: (count) => `全 ${n(count)} 件`,
    first: (count) => `先頭 ${n(count)} 件`,
    group: 'グループにする',
    none: '一致する線はありません',
  },
  outside: (points) => `範囲外 ${n(points)} 点を表示`,
  outsideTitle: '外れ値を除いています。クリックですべて表示',
  density: '濃淡',
  densityOff: '線で描く',
  densityTitle: '線が多すぎて重なるため、通る本数を濃淡で示します',
} satisfies typeof English;
