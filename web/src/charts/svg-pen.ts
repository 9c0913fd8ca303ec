/** A pen that writes SVG: what painting draws on a canvas becomes paths, text and clips. */

import type { Pen } from './scene';

interface State {
  dx: number;
  dy: number;
  clip: string | null;
}

/** Two decimals are a hundredth of a pixel. */
const short = (value: number): string => String(Math.round(value * 100) / 100);

export function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}

const ANCHORS: Partial<Record<CanvasTextAlign, string>> = { right: 'end', center: 'middle' };
const BASELINES: Partial<Record<CanvasTextBaseline, string>> = {
  top: 'hanging',
  middle: 'central',
  bottom: 'text-after-edge',
};

export class SvgPen implements Pen {
  readonly isWhole = true;
  globalAlpha = 1;
  strokeStyle: Pen['strokeStyle'] = '#000';
  fillStyle: Pen['fillStyle'] = '#000';
  lineWidth = 1;
  lineJoin: CanvasLineJoin = 'miter';
  font = '12px sans-serif';
  textAlign: CanvasTextAlign = 'start';
  textBaseline: CanvasTextBaseline = 'alphabetic';
  private dash: number[] = [];
  private path: string[] = [];
  private state: State = { dx: 0, dy: 0, clip: null };
  private readonly saved: State[] = [];
  private readonly parts: string[] = [];
  private clips = 0;
  private readonly measure: (font: string, text: string) => TextMetrics;

  constructor(measure: (font: string, text: string) => TextMetrics) {
    this.measure = measure;
  }

  /** @returns the document with everything drawn so far */
  toString(width: number, height: number, title: string): string {
    const [w, h] = [short(width), short(height)];
    return [
      `<svg xmlns="http://www.w3.org/2000/svg" width="${w}" height="${h}" viewBox="0 0 ${w} ${h}" role="img">`,
      `<title>${escaped(title)}</title>`,
      ...this.parts,
      '</svg>',
      '',
    ].join('\n');
  }

  save(): void {
    this.saved.push({ ...this.state });
  }

  restore(): void {
    this.state = this.saved.pop() ?? this.state;
  }

  translate(dx: number, dy: number): void {
    this.state.dx += dx;
    this.state.dy += dy;
  }

  beginPath(): void {
    this.path = [];
  }

  moveTo(x: number, y: number): void {
    this.path.push(`M${this.at(x, y)}`);
  }

  lineTo(x: number, y: number): void {
    this.path.push(`${this.path.length === 0 ? 'M' : 'L'}${this.at(x, y)}`);
  }

  closePath(): void {
    this.path.push('Z');
  }

  /** Whole circles only: nothing else is drawn. */
  arc(x: number, y: number, radius: number): void {
    const r = short(radius);
    const [left, right] = [this.at(x - radius, y), this.at(x + radius, y)];
    this.path.push(`M${right}A${r} ${r} 0 1 0 ${left}A${r} ${r} 0 1 0 ${right}Z`);
  }

  rect(x: number, y: number, width: number, height: number): void {
    const corners = [this.at(x, y), this.at(x + width, y), this.at(x + width, y + height)];
    this.path.push(`M${corners.join('L')}L${this.at(x, y + height)}Z`);
  }

  clip(): void {
    this.clips += 1;
    const id = `clip${this.clips}`;
    const outer = this.state.clip === null ? '' : ` clip-path="url(#${this.state.clip})"`;
    this.parts.push(
      `<clipPath id="${id}"><path d="${this.path.join('')}"${outer}/></clipPath>`,
    );
    this.state.clip = id;
  }

  setLineDash(dash: Iterable<number>): void {
    this.dash = [...dash];
  }

  stroke(): void {
    if (this.path.length === 0) return;
    const dash = this.dash.length === 0 ? '' : ` stroke-dasharray="${this.dash.map(short).join(' ')}"`;
    this.add(
      `<path d="${this.path.join('')}" fill="none" stroke="${this.strokeStyle}" ` +
        `stroke-width="${short(this.lineWidth)}" stroke-linejoin="${this.lineJoin}"${dash}`,
    );
  }

  fill(): void {
    if (this.path.length === 0) return;
    this.add(`<path d="${this.path.join('')}" fill="${this.fillStyle}"`);
  }

  fillText(text: string, x: number, y: number): void {
    this.text(text, x, y, `fill="${this.fillStyle}"`);
  }

  strokeText(text: string, x: number, y: number): void {
    const width = `stroke-width="${short(this.lineWidth)}" stroke-linejoin="round"`;
    this.text(text, x, y, `fill="none" stroke="${this.strokeStyle}" ${width}`);
  }

  measureText(text: string): TextMetrics {
    return this.measure(this.font, text);
  }

  private text(text: string, x: number, y: number, paint: string): void {
    const anchor = ANCHORS[this.textAlign];
    const baseline = BASELINES[this.textBaseline];
    const match = /^(?:(bold|\d+) )?(\d+(?:\.\d+)?)px (.*)$/.exec(this.font);
    const [, weight, size = '12', family = 'sans-serif'] = match ?? [];
    this.add(
      `<text x="${short(x + this.state.dx)}" y="${short(y + this.state.dy)}" ` +
        `font-family="${escaped(family.replaceAll('"', "'"))}" font-size="${size}" ${paint}` +
        (weight === undefined ? '' : ` font-weight="${weight}"`) +
        (anchor === undefined ? '' : ` text-anchor="${anchor}"`) +
        (baseline === undefined ? '' : ` dominant-baseline="${baseline}"`),
      `>${escaped(text)}</text>`,
    );
  }

  private add(start: string, end = '/>'): void {
    const opacity = this.globalAlpha < 1 ? ` opacity="${short(this.globalAlpha)}"` : '';
    const clip = this.state.clip === null ? '' : ` clip-path="url(#${this.state.clip})"`;
    this.parts.push(`${start}${opacity}${clip}${end}`);
  }

  private at(x: number, y: number): string {
    return `${short(x + this.state.dx)} ${short(y + this.state.dy)}`;
  }
}
