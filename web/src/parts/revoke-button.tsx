import type { ReactNode } from 'react';
import { ConfirmButton } from './confirm-button.tsx';

interface RevokeButtonProps {
  /** Of the apitoken. */
  readonly name: string;
  readonly onRevoke: () => Promise<unknown>;
  /** What happens then. */
  readonly children: ReactNode;
}

/** Asks, then takes an apitoken out of use; it stands in the apitoken's row. */
export function RevokeButton({ name, onRevoke, children }: RevokeButtonProps) {
  return (
    <ConfirmButton
      label="Revoke"
      about={`Revoke ${name}`}
      compact
      title={`Revoke ${name}?`}
      action="Revoke"
      dangerous
      onConfirm={onRevoke}
    >
      {children}
    </ConfirmButton>
  );
}
