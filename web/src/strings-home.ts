// The start page.
import { catalogue } from './lib/language';
import { groupThousands as n } from './lib/numbers';

export const homeWords = catalogue('strings-home', {
  title: 'Home',
  wandb: 'Or run a wandb script as it is',
  wandbText: 'In place of … stands a key of this server.',
  recent: 'Recent projects',
  storage: 'Storage',
  storageTitle: 'About what it takes on disk: its rows as stored, and its files',
  forYou: 'For you',
  noAlerts: 'No alert of your runs.',
  noAlertsText: 'What a run says with run.alert() stands here.',
  allProjects: (count: number) => `Show all ${n(count)} projects`,
  alertAt: (step: string) => `step ${step}`,
  levels: { INFO: 'Info', WARN: 'Warning', ERROR: 'Error' } as Record<string, string>,
  spark: (metric: string) => `${metric} over the last steps`,
});
