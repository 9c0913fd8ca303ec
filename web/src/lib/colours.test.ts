import { describe, expect, it } from 'vitest';
import { chosenColour, runColor, runDash, scaledColour, sequentialColor } from './colours';

const BACKGROUND = { light: '#ffffff', dark: '#0e1116' } as const;

function luminance(hex: string): number {
  const [r, g, b] = [1, 3, 5].map((at) => {
    const share = parseInt(hex.slice(at, at + 2), 16) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: string, b: string): number {
  const [low, high] = [luminance(a), luminance(b)].sort((p, q) => p - q) as [number, number];
  return (high + 0.05) / (low + 0.05);
}

describe('run colours (ui-spec 8.2)', () => {
  it('stand out from the background of either theme', () => {
    for (let index = 0; index < 10; index += 1) {
      expect(contrast(runColor(index, 'light'), BACKGROUND.light)).toBeGreaterThanOrEqual(2.95);
      expect(contrast(runColor(index, 'dark'), BACKGROUND.dark)).toBeGreaterThanOrEqual(4.45);
    }
  });

  it('thirty runs differ by hue or dash', () => {
    const looks = Array.from({ length: 30 }, (_, i) => runColor(i, 'light') + runDash(i).join());
    expect(new Set(looks).size).toBe(30);
    expect(runColor(30, 'light') + runDash(30).join()).toBe(looks[0]);
  });

  it('the sequential scale runs from end to end and clamps', () => {
    expect(sequentialColor(-1, 'dark')).toBe(sequentialColor(0, 'dark'));
    expect(sequentialColor(0.5, 'light')).toMatch(/^#[0-9a-f]{6}$/);
    expect(luminance(sequentialColor(1, 'dark'))).toBeGreaterThan(
      luminance(sequentialColor(0, 'dark')),
    );
  });
});

describe('colours that are no hue', () => {
  it('are what was chosen, in both themes, and solid', () => {
    expect(runColor(chosenColour('#0a00ff') as number, 'light')).toBe('#0a00ff');
    expect(runColor(chosenColour('#000000') as number, 'dark')).toBe('#000000');
    expect(runDash(chosenColour('#ffffff') as number)).toEqual([]);
    expect(chosenColour('red')).toBeNull();
  });

  it('lie on the scale of the theme', () => {
    for (const at of [0, 0.25, 1]) {
      expect(runColor(scaledColour(at), 'light')).toBe(sequentialColor(at, 'light'));
      expect(runColor(scaledColour(at), 'dark')).toBe(sequentialColor(at, 'dark'));
    }
  });
});
