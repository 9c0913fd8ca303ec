/** An integer as Japanese writes it: `1,240`. Own code, because nothing here may load a module from outside. */
export function n(value: number): string {
  return value.toFixed(0).replace(/\B(?=(\d{3})+(?!\d))/g, ',');
}
