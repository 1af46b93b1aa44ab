/** Whoever listens to a page hears its heading, as after a page load. */
export function focusHeading(): void {
  document.querySelector<HTMLElement>('main h1')?.focus({ preventScroll: true });
}
