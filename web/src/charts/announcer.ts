/** Says polite things to a screen reader, the newest at most once a second. */

const EVERY_MS = 1000;

export class Announcer {
  private readonly region: HTMLElement;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private text = '';

  constructor(parent: HTMLElement) {
    this.region = document.createElement('div');
    this.region.className = 'kiseki-chart-announcer';
    this.region.setAttribute('aria-live', 'polite');
    parent.append(this.region);
  }

  say(text: string): void {
    this.text = text;
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.region.textContent = this.text;
    }, EVERY_MS);
  }

  remove(): void {
    clearTimeout(this.timer);
    this.region.remove();
  }
}
