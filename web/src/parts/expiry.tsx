import { Badge } from '@mantine/core';
import { TimeAgo } from './time.tsx';

/** When something ends; null: never. */
export function Expiry({ at }: { at: string | null }) {
  if (at === null) return 'Never';
  if (new Date(at) > new Date()) return <TimeAgo at={at} />;
  return (
    <Badge variant="light" color="red" tt="none">
      Expired
    </Badge>
  );
}
