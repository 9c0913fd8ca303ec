/** Which points are not beaten in both directions at once. */
export type Goal = 'min' | 'max';

/**
 * The points that no other point beats: at least as good in both directions and better in one. Equal points stand
 * together. Points without both numbers take no part.
 *
 * @returns their places, from the best x on
 */
export function paretoFront(
  x: ArrayLike<number>,
  y: ArrayLike<number>,
  goalX: Goal,
  goalY: Goal,
): number[] {
  const cost = (value: number, goal: Goal): number => (goal === 'min' ? value : -value);
  const order: number[] = [];
  for (let i = 0; i < x.length; i += 1) {
    if (Number.isFinite(x[i]!) && Number.isFinite(y[i]!)) order.push(i);
  }
  order.sort((a, b) => cost(x[a]!, goalX) - cost(x[b]!, goalX) || cost(y[a]!, goalY) - cost(y[b]!, goalY));
  const front: number[] = [];
  let best = Infinity;
  let bestX = NaN;
  for (const at of order) {
    const height = cost(y[at]!, goalY);
    if (height < best) {
      best = height;
      bestX = x[at]!;
      front.push(at);
    } else if (height === best && x[at] === bestX) front.push(at);
  }
  return front;
}
