/** Makes a box a stop for the keyboard while its content is longer than it: not every browser scrolls it otherwise. */
export function scrollable(box: HTMLElement): () => void {
  const look = () => {
    if (box.scrollHeight > box.clientHeight + 1) box.tabIndex = 0;
    else box.removeAttribute('tabindex');
  };
  const observer = new ResizeObserver(look);
  observer.observe(box);
  return () => observer.disconnect();
}
