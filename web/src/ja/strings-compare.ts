import type { compareStrings as English } from '../strings-compare';
import { n } from './words';

export default {
  media: 'メディア',
  earlier: (name) => `${name} を左へ移動`,
  later: (name) => `${name} を右へ移動`,
  menu: '比較を書き出す',
  copyMarkdown: 'Markdown としてコピー',
  saveMarkdown: 'Markdown としてダウンロード',
  print: '印刷',
  ignore: '無視するキー',
  ignoring: (count) => `無視するキー (${n(count)})`,
  ignoreHelp:
    '* と ? を使えるパターンを、行または空白で区切って書きます。このプロジェクト用に、このブラウザーに保存されます。',
  ignoreExample: 'seed\n*.dir\npaths.*',
  ignored: (count) => `${n(count)} 個のキーを無視`,
  branch: (path, differing) => `${path}: 違い ${n(differing)} 件`,
  showValue: (path) => `${path} の値をすべて表示`,
  value: (path) => `${path} の値`,
  closeValue: '閉じる',
  copyKey: 'キーをコピー',
  with: '基準の隣に表示',
  next: '次の違い (n)',
  previous: '前の違い (p)',
  place: (at, all) => `${n(all)} 件中 ${n(at)}`,
  modes: { overlay: '重ねる', difference: '基準との差' },
  mode: 'ランの描き方',
  minus: (name, base) => `${name} − ${base}`,
  exact: '各値は、記録された 2 点の差です。',
  rough: (count) =>
    `${n(count)} 個のメトリックでは、記録された点の間の値、または複数の点の平均を含みます。拡大すると個々の点になります。`,
  noMedia: 'どのランもメディアを記録していません。',
  notLogged: '記録なし',
  title: (base, others) => `${base} と他の ${n(others)} 個のラン`,
  noDifferences: '違いはありません。',
} satisfies typeof English;
