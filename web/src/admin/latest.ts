/** What the overview shows of the audit log. */
export const LATEST = { limit: 5 } as const;
