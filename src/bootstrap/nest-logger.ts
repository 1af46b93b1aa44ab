import { Logger, type PinoLogger } from 'nestjs-pino';

/** Nest's own tale of how it starts, a line per module and route. */
const CHATTER = new Set(['InstanceLoader', 'NestApplication', 'NestFactory', 'RouterExplorer', 'RoutesResolver']);

/** Nest's log in ours, without the lines that are the same at every start. */
export class NestLogger extends Logger {
  constructor(pinoLogger: PinoLogger) {
    super(pinoLogger, {});
  }

  override log(message: unknown, ...optionalParams: unknown[]): void {
    if (CHATTER.has(String(optionalParams.at(-1)))) this.debug(message, ...optionalParams);
    else super.log(message, ...optionalParams);
  }
}
