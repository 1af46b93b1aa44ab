import type { ReactNode } from 'react';
import { api, type Schemas } from '../../api/client.ts';
import { RevokeButton } from '../../parts/revoke-button.tsx';
import { useChanged } from '../use-changed.ts';

interface RevokeUserApitokenProps {
  readonly userid: string;
  readonly apitoken: Schemas['Apitoken'];
  /** What happens then. */
  readonly children: ReactNode;
}

/** Takes an apitoken of a user out of use. */
export function RevokeUserApitoken({ userid, apitoken: { id, name }, children }: RevokeUserApitokenProps) {
  const changed = useChanged();
  const revoke = async () => {
    await api.DELETE('/v1/users/{userid}/apitokens/{id}', { params: { path: { userid, id } } });
    await changed();
  };
  return (
    <RevokeButton name={name} onRevoke={revoke}>
      {children}
    </RevokeButton>
  );
}
