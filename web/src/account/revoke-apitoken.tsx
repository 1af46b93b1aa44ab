import { useQueryClient } from '@tanstack/react-query';
import { api, type Schemas } from '../api/client.ts';
import { RevokeButton } from '../parts/revoke-button.tsx';

/** Takes an apitoken out of use. */
export function RevokeApitoken({ apitoken: { id, name } }: { apitoken: Schemas['Apitoken'] }) {
  const client = useQueryClient();
  const revoke = async () => {
    await api.DELETE('/v1/users/me/apitokens/{id}', { params: { path: { id } } });
    await client.invalidateQueries({ queryKey: ['apitokens'] });
    await client.invalidateQueries({ queryKey: ['sessions'] });
  };
  return (
    <RevokeButton name={name} onRevoke={revoke}>
      What logs in with it cannot any more, and the sessions it opened are over at once. It cannot be brought back.
    </RevokeButton>
  );
}
