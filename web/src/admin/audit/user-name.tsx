import { useQuery } from '@tanstack/react-query';
import { TextLink } from '../../parts/text-link.tsx';
import { usernameQuery } from '../queries.ts';

/** The name behind a userid, asked for once for all places that show it. Who was deleted, or cannot be looked up, is a userid. */
export function UserName({ userid }: { userid: string }) {
  const { data, isPending } = useQuery(usernameQuery(userid));
  const name = isPending ? '…' : data;
  return (
    <TextLink to="/admin/users/$userid" params={{ userid }} size="sm" className={name ? undefined : 'id'}>
      {name ?? userid}
    </TextLink>
  );
}
