/** Made-up training curves, the same on every visit. */

export interface Points {
  readonly x: Float64Array;
  readonly y: Float64Array;
}

/** Deterministic numbers in [0, 1). */
export function randomFrom(seed: number): () => number {
  let state = (seed * 2654435761 + 1) >>> 0;
  return () => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) >>> 0;
    let mixed = state;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x45d9f3b);
    mixed ^= mixed >>> 16;
    return (mixed >>> 0) / 2 ** 32;
  };
}

/** A falling loss with noise that falls with it. */
export function loss(seed: number, n: number, noise = 0.12): Points {
  const random = randomFrom(seed);
  const floor = 0.08 + 0.5 * random();
  const rate = 3 + 8 * random();
  const x = new Float64Array(n);
  const y = new Float64Array(n);
  for (let i = 0; i < n; i += 1) {
    const t = i / n;
    const base = floor + 2.4 * Math.exp(-rate * t * 1.6) + 0.4 * Math.exp(-t * 2);
    x[i] = i;
    y[i] = base * (1 + noise * (random() + random() + random() - 1.5));
  }
  return { x, y };
}

/** An accuracy that climbs and levels. */
export function accuracy(seed: number, n: number, noise = 0.01): Points {
  const random = randomFrom(seed + 1000);
  const top = 0.8 + 0.18 * random();
  const rate = 2 + 6 * random();
  const x = Float64Array.from({ length: n }, (_, i) => i);
  const y = x.map((i) => top * (1 - Math.exp((-rate * (i + 1)) / n)) + noise * (random() - 0.5));
  return { x, y };
}
