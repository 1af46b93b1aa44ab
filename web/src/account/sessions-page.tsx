import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { Page } from '../parts/page.tsx';
import { SessionsTable } from '../parts/sessions-table.tsx';
import { EndSessions } from './end-sessions.tsx';
import { EndSession } from './end-session.tsx';
import { sessionsQuery } from './queries.ts';

const route = getRouteApi('/inside/account/sessions');

/** Where somebody is logged in. */
export function SessionsPage() {
  const { cursor } = route.useSearch();
  const navigate = route.useNavigate();
  return (
    <Page
      title="Sessions"
      description="Where you are logged in. One that you do not know: end it, and change the password."
      actions={<EndSessions />}
    >
      <SessionsTable
        caption="Your sessions"
        query={useQuery(sessionsQuery(cursor))}
        cursor={cursor}
        onCursor={(next) => void navigate({ to: '/account/sessions', search: { cursor: next } })}
        empty="There is none."
        action={(session) => <EndSession session={session} />}
      />
    </Page>
  );
}
