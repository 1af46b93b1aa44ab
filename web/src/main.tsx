import { MantineProvider } from '@mantine/core';
import { QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { startAnew } from './api/session.ts';
import { readNonce } from './app/nonce.ts';
import { createQueryClient } from './app/query-client.ts';
import { createPagesRouter } from './app/router.tsx';
import { cssVariables, theme } from './app/theme.ts';

const nonce = readNonce();
const queryClient = createQueryClient(() => void askToLogIn());
const router = createPagesRouter(queryClient);

/** The session ended elsewhere, or ran out: after login people are back where they were. */
async function askToLogIn(): Promise<void> {
  const { href } = router.state.location;
  await startAnew(queryClient);
  await router.navigate({ to: '/login', search: { next: href } });
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
