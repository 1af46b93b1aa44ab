import { useQueryClient } from '@tanstack/react-query';
import { api, type Schemas } from '../api/client.ts';
import { ConfirmButton } from '../parts/confirm-button.tsx';
import { deviceOf } from '../parts/device.ts';

/** Ends one session; this one is ended by logging out. */
export function EndSession({ session }: { session: Schemas['Session'] }) {
  const client = useQueryClient();
  const device = deviceOf(session);
  const end = async () => {
    await api.DELETE('/v1/sessions/{id}', { params: { path: { id: session.id } } });
    await client.invalidateQueries({ queryKey: ['sessions'] });
  };
  if (session.current) return null;
  return (
    <ConfirmButton
      label="End"
      about={`End the session on ${device}`}
      compact
      title="End this session?"
      action="End session"
      onConfirm={end}
    >
      {device} is logged out at once.
    </ConfirmButton>
  );
}
