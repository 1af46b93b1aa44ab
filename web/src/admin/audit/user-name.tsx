import { useQuery } from '@tanstack/react-query';
import { TextLink } from '../../parts/text-link.tsx';
import { usernameQuery } from '../queries.ts';

/** The name behind a userid, asked for once for all places that show it. Who was deleted has none but the userid. */
export function UserName({ userid }: { userid: string }) {
  const { data } = useQuery(usernameQuery(userid));
  return (
    <TextLink to="/admin/users/$userid" params={{ userid }} size="sm" className={data === null ? 'id' : undefined}>
      {data === undefined ? '…' : (data ?? userid)}
    </TextLink>
  );
}
