import { Button, useMantineColorScheme, type ButtonProps } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useRouter } from '@tanstack/react-router';
import { plainApi } from '../api/client.ts';
import { leave } from '../api/leave.ts';
import { isUnauthenticated } from '../api/session.ts';

/** Ends this session. A session that was over already is as good. */
export function LogOutButton(props: ButtonProps) {
  const client = useQueryClient();
  const router = useRouter();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const logOut = useMutation({
    mutationFn: async () => {
      await plainApi.POST('/v1/auth/logout').catch((error: unknown) => {
        if (!isUnauthenticated(error)) throw error;
      });
      await leave(client, router);
      // The browser was told to forget everything; this is no secret.
      if (colorScheme !== 'auto') setColorScheme(colorScheme);
    },
  });
  return (
    <Button variant="default" size="compact-sm" loading={logOut.isPending} onClick={() => logOut.mutate()} {...props}>
      {logOut.isError ? 'Not logged out: try again' : 'Log out'}
    </Button>
  );
}
