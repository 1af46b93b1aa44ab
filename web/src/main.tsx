import { MantineProvider } from '@mantine/core';
import { QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { leave } from './api/leave.ts';
import { readNonce } from './app/nonce.ts';
import { createQueryClient } from './app/query-client.ts';
import { createPagesRouter } from './app/router.tsx';
import { cssVariables, theme } from './app/theme.ts';

const nonce = readNonce();
const queryClient = createQueryClient(askToLogIn);
const router = createPagesRouter(queryClient);

/** The session ended elsewhere, or ran out. Several calls may notice it, some of them late. */
function askToLogIn(): void {
  const { pathname, href } = router.latestLocation;
  if (pathname !== '/login') void leave(queryClient, router, href);
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
