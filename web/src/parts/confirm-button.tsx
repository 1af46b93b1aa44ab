import { Button } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import type { ComponentProps } from 'react';
import { ConfirmDialog } from './confirm-dialog.tsx';

interface ConfirmButtonProps extends Omit<ComponentProps<typeof ConfirmDialog>, 'opened' | 'onClose'> {
  /** On the button that asks. */
  readonly label: string;
  /** The label with what it is about, where several stand in a list: "Revoke laptop". */
  readonly about?: string;
  /** True in the row of a list. */
  readonly compact?: boolean;
}

/** A button that asks before it does. */
export function ConfirmButton({ label, about, compact = false, ...dialog }: ConfirmButtonProps) {
  const [opened, { open, close }] = useDisclosure();
  const look = dialog.dangerous && !compact ? ({ color: 'red', variant: 'outline' } as const) : { variant: 'default' };
  return (
    <>
      <Button {...look} size={compact ? 'compact-sm' : 'sm'} w="fit-content" onClick={open} aria-label={about}>
        {label}
      </Button>
      <ConfirmDialog opened={opened} onClose={close} {...dialog} />
    </>
  );
}
