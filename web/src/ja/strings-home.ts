import type { homeWords as English } from '../strings-home';
import { n } from './words';

export default {
  title: 'ホーム',
  wandb: 'または wandb のスクリプトをそのまま実行する',
  wandbText: '… には、このサーバーのキーを入れてください。',
  recent: '最近のプロジェクト',
  storage: '容量',
  storageTitle: 'ディスク上のおよその使用量 (保存された行とファイル)',
  forYou: 'お知らせ',
  noAlerts: 'あなたのランのアラートはありません。',
  noAlertsText: 'ランが run.alert() で送った内容がここに表示されます。',
  allProjects: (count) => `全 ${n(count)} プロジェクトを表示`,
  alertAt: (step) => `ステップ ${step}`,
  levels: { INFO: '情報', WARN: '警告', ERROR: 'エラー' },
  spark: (metric) => `${metric} の推移`,
} satisfies typeof English;
