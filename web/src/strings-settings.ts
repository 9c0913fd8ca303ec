// How the page looks and listens, as its person likes it.
import { catalogue } from './lib/language';

export const appearance = catalogue('strings-settings', {
  title: 'Appearance',
  text: 'Kept in this browser, not in your account.',
  theme: 'Theme',
  themeText: 'Alt+M changes it on every page.',
  language: 'Language',
  languageText: 'Numbers and dates follow it; what you export does not.',
  system: 'As the system says',
  keys: 'Keys',
  single: 'Single-letter shortcuts',
  singleHint: 'Off: keys such as j, x or / do nothing on their own. Shortcuts with Ctrl or Alt, Enter and arrows stay.',
  list: 'All shortcuts',
});
