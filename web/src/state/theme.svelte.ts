// Light, dark, or as the system says. public/theme.js sets the same attribute before the first paint.

export type ThemeChoice = 'system' | 'light' | 'dark';
const KEY = 'kiseki.theme';
export const THEMES: readonly ThemeChoice[] = ['system', 'light', 'dark'];

function stored(): ThemeChoice {
  try {
    const value = localStorage.getItem(KEY);
    return value === 'light' || value === 'dark' ? value : 'system';
  } catch {
    return 'system';
  }
}

class Theme {
  choice = $state<ThemeChoice>(stored());
  private systemDark = $state(false);
  dark = $derived(this.choice === 'dark' || (this.choice === 'system' && this.systemDark));

  constructor() {
    const system = matchMedia('(prefers-color-scheme: dark)');
    this.systemDark = system.matches;
    system.addEventListener('change', (event) => {
      this.systemDark = event.matches;
      this.paint();
    });
    addEventListener('storage', (event) => {
      if (event.key !== KEY) return;
      this.choice = stored();
      this.paint();
    });
    this.paint();
  }

  set(choice: ThemeChoice): void {
    this.choice = choice;
    try {
      if (choice === 'system') localStorage.removeItem(KEY);
      else localStorage.setItem(KEY, choice);
    } catch {
      // The choice then lasts as long as the page.
    }
    this.paint();
  }

  next(): void {
    this.set(THEMES[(THEMES.indexOf(this.choice) + 1) % THEMES.length] as ThemeChoice);
  }

  private paint(): void {
    document.documentElement.dataset.theme = this.dark ? 'dark' : 'light';
  }
}

export const theme = new Theme();
