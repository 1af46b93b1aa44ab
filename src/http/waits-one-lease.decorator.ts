import { RouteConfig } from '@nestjs/platform-fastify';

/** For a route that waits out `TRUTH_LEASE_MS` before it answers: it may take that much longer than 5 s. */
export const WaitsOneLease = () => RouteConfig({ waitsOneLease: true });
