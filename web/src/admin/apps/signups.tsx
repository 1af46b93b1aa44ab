import { useQuery } from '@tanstack/react-query';
import { Facts } from '../../parts/facts.tsx';
import { ProblemAlert } from '../../parts/problem-alert.tsx';
import { Section } from '../../parts/section.tsx';
import { signupsQuery } from '../queries.ts';

/** How much an app account is used, and how much it may be. */
export function Signups({ userid }: { userid: string }) {
  const { data, error } = useQuery(signupsQuery(userid));
  return (
    <Section
      title="Sign-ups"
      description="Far more than the app has new people: somebody took the credential out of it."
    >
      <ProblemAlert error={error} advice={{ not_found: 'This is no app account.' }} />
      {data !== undefined && (
        <Facts
          facts={[
            ['Last minute', `${data.lastMinute} of ${data.perMinuteLimit} allowed`],
            ['Today (UTC)', data.today],
            ['Last 30 days', data.last30Days],
          ]}
        />
      )}
    </Section>
  );
}
