// The language of the page, settled before any sentence is read: modules may copy sentences when they are loaded.
// Whoever reads English loads no other language; another one is a single chunk, awaited here.

export type Language = 'en' | 'ja';
export type LanguageChoice = 'system' | Language;

/** Each language in its own words. */
export const LANGUAGE_NAMES: Record<Language, string> = { en: 'English', ja: '日本語' };

const KEY = 'kiseki.language';

export function storedLanguage(): LanguageChoice {
  try {
    const value = localStorage.getItem(KEY);
    return value === 'en' || value === 'ja' ? value : 'system';
  } catch {
    return 'system';
  }
}

/** The first of the wished languages that there is; English where there is none of them. */
export function pickLanguage(choice: LanguageChoice, wished: readonly string[]): Language {
  if (choice !== 'system') return choice;
  for (const tag of wished) {
    const language = tag.toLowerCase().split('-')[0];
    if (language === 'en' || language === 'ja') return language;
  }
  return 'en';
}

/** Takes effect by loading the page anew: every sentence on it changes. */
export function chooseLanguage(choice: LanguageChoice): void {
  try {
    if (choice === 'system') localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, choice);
  } catch {
    return;
  }
  location.reload();
}

const inBrowser = typeof document !== 'undefined';
export const language: Language = inBrowser ? pickLanguage(storedLanguage(), navigator.languages) : 'en';
if (inBrowser) document.documentElement.lang = language;

// Nothing under ja/ may load a module from outside it: that module would wait for this line, and this line for it.
const translated: Record<string, unknown> = language === 'ja' ? { ...(await import('../ja')).catalogues } : {};

/** A catalogue in the language of the page. `name` is that of its file, without `.ts`. */
export function catalogue<T>(name: string, english: T): Translated<T> {
  return (translated[name] ?? english) as Translated<T>;
}

/** What another language has to give: the same keys, with sentences (or what makes them) of its own. */
export type Translated<T> = T extends string
  ? string
  : T extends (...input: infer Input) => infer Output
    ? (...input: Input) => Translated<Output>
    : { readonly [Key in keyof T]: Translated<T[Key]> };
