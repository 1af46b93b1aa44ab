import { Page } from '../parts/page.tsx';

/** Where admins begin. */
export function OverviewPage() {
  return <Page title="Administration" description="Accounts, roles, private areas, app accounts and the audit log." />;
}
