import type { Logger } from 'pino';
import type { Config } from '../config/config.js';
import type { Opened } from './run.js';
import { whyNotListening } from './startup-error.js';

/**
 * Opens METRICS_PORT, on HOST, where there is one.
 * @throws StartupError where it cannot be had.
 */
export async function openMetrics(
  { host, metricsPort: port }: Config,
  text: () => Promise<string>,
  opened: Opened,
  logger: Logger,
): Promise<void> {
  if (port === undefined) return;
  const { serveMetrics } = await import('../metrics/metrics-server.js');
  try {
    const server = await serveMetrics({ host, port }, text, logger.child({ context: 'Metrics' }));
    opened.add(() => server.stop());
  } catch (error) {
    throw whyNotListening(error, 'METRICS_PORT', host, port);
  }
}
