// The time for texts such as "3 min ago": one ticking value for the whole page.

class Clock {
  now = $state(Date.now());

  constructor() {
    setInterval(() => {
      if (!document.hidden) this.now = Date.now();
    }, 5000);
  }
}

export const clock = new Clock();
