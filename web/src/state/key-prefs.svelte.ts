// Whether single letters do something: voice input and shaky hands press them by chance (WCAG 2.1.4).
import { readPref, writePref } from './prefs';

class KeyPrefs {
  /** Whether letters and signs do something on their own. */
  single = $state(readPref('singleKeys', true));

  setSingle(on: boolean): void {
    this.single = on;
    writePref('singleKeys', on);
  }
}

export const keyPrefs = new KeyPrefs();
