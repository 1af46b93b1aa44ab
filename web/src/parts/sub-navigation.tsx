import type { ReactNode } from 'react';
import classes from './sub-navigation.module.css';

/** The parts of one thing, each a page of its own. The links take `subLink` for their class. */
export function SubNavigation({ label, children }: { label: string; children: ReactNode }) {
  return (
    <nav aria-label={label} className={classes.links}>
      {children}
    </nav>
  );
}

export const subLink = classes.link;
