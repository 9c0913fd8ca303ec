import type { appearance as English } from '../strings-settings';

export default {
  title: '外観',
  text: 'アカウントではなく、このブラウザーに保存されます。',
  theme: 'テーマ',
  themeText: 'どのページでも Alt+M で切り替えられます。',
  language: '言語',
  languageText: '数値と日付の表記も変わります。エクスポートの内容は変わりません。',
  system: 'システムに合わせる',
  keys: 'キー',
  single: '1 文字のショートカット',
  singleHint:
    'オフにすると、j、x、/ などを単独で押しても何も起きません。Ctrl や Alt を使うもの、Enter、矢印キーはそのまま使えます。',
  list: 'ショートカット一覧',
} satisfies typeof English;
