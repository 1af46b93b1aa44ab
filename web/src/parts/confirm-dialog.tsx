import { Button, Group, Modal, Stack, Text } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useEffect, useRef, type ReactNode } from 'react';
import { ReauthenticationCancelled } from '../api/reauthentication.ts';
import { focusHeading } from './focus-heading.ts';
import { ProblemAlert } from './problem-alert.tsx';
import { say } from './status-line.tsx';

interface ConfirmDialogProps {
  readonly opened: boolean;
  readonly onClose: () => void;
  /** As a question: "End this session?" */
  readonly title: string;
  /** What will happen, and what cannot be undone. */
  readonly children: ReactNode;
  /** On the button: what is done, "End session". */
  readonly action: string;
  /** True where it takes something away. */
  readonly dangerous?: boolean;
  /** Calls the API; the dialog closes when it is done, or shows why it was not. */
  readonly onConfirm: () => Promise<unknown>;
}

/** Says what will happen before it does. */
export function ConfirmDialog({ opened, onClose, title, children, action, dangerous, onConfirm }: ConfirmDialogProps) {
  const doing = useMutation({
    mutationFn: onConfirm,
    onSuccess: () => {
      close();
      say(`Done: ${action}`);
    },
  });
  useFocusAfter(opened);
  const busy = doing.isPending;

  function close(): void {
    doing.reset();
    onClose();
  }

  const confirm = () => {
    // It is still there for a moment while it closes.
    if (!opened) return;
    doing.mutate(undefined, {
      onError: (error) => {
        if (error instanceof ReauthenticationCancelled) close();
      },
    });
  };
  return (
    <Modal
      opened={opened}
      onClose={close}
      title={title}
      closeOnEscape={!busy}
      closeOnClickOutside={!busy}
      closeButtonProps={{ 'aria-label': 'Close', disabled: busy }}
    >
      <Stack>
        <Text component="div" size="sm">
          {children}
        </Text>
        <ProblemAlert error={doing.error} />
        <Group justify="flex-end">
          <Button variant="default" onClick={close} disabled={busy}>
            Cancel
          </Button>
          <Button color={dangerous ? 'red' : undefined} onClick={confirm} loading={busy}>
            {action}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}

/** What is done may take away the row that it was asked in, and the keyboard's place: it goes on from the heading. */
function useFocusAfter(opened: boolean): void {
  const asked = useRef(false);
  useEffect(() => {
    asked.current ||= opened;
  }, [opened]);
  useEffect(
    () => () => {
      if (asked.current && document.activeElement === document.body) focusHeading();
    },
    [],
  );
}
