import { MantineProvider } from '@mantine/core';
import { QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { leave } from './api/leave.ts';
import { sessionQuery } from './api/session.ts';
import { isInside } from './app/is-inside.ts';
import { readNonce } from './app/nonce.ts';
import { createQueryClient } from './app/query-client.ts';
import { createPagesRouter } from './app/router.tsx';
import { cssVariables, theme } from './app/theme.ts';

const nonce = readNonce();
const queryClient = createQueryClient(askToLogIn);
const router = createPagesRouter(queryClient);

/**
 * The session ended elsewhere, or ran out. Several calls may notice it, some of them late. A page that needs none stays
 * as it is, with what was filled in.
 */
function askToLogIn(): void {
  const { pathname, href } = router.latestLocation;
  if (isInside(pathname)) void leave(queryClient, router, href);
  else if (pathname !== '/login') queryClient.setQueryData(sessionQuery.queryKey, null);
}

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <MantineProvider
      theme={theme}
      cssVariablesResolver={cssVariables}
      defaultColorScheme="auto"
      getStyleNonce={() => nonce}
    >
      <QueryClientProvider client={queryClient}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
);
