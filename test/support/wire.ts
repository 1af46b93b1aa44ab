import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** From the caller to the server, and back to the caller. */
export type Way = 'there' | 'back';

/** One connection through the wire. */
interface Line {
  readonly caller: Socket;
  readonly server: Socket;
}

/**
 * The way to a server on 127.0.0.1, which a test can cut in one direction or in both: what is sent then does not
 * arrive and is not refused, and connections stay open, as where a route is lost. Mended, it arrives late.
 */
export class Wire {
  private readonly lines = new Set<Line>();
  private ways: readonly Way[] = [];

  private constructor(
    private readonly listener: Server,
    private readonly target: number,
  ) {
    listener.on('connection', (caller) => this.join(caller));
  }

  static async to(target: number): Promise<Wire> {
    const listener = createServer({ allowHalfOpen: true });
    await once(listener.listen(0, '127.0.0.1'), 'listening');
    return new Wire(listener, target);
  }

  get port(): number {
    return (this.listener.address() as AddressInfo).port;
  }

  /** The same address, by this wire. */
  through(url: string): string {
    const changed = new URL(url);
    changed.port = String(this.port);
    return changed.href;
  }

  /**
   * Cuts it for all connections, those that are yet to come too.
   * @param spared the port from which the server sees a connection that is left alone
   */
  cut(ways: readonly Way[], spared?: number): void {
    this.ways = ways;
    for (const line of this.lines) if (line.server.localPort !== spared) hold(line, ways);
  }

  /** What was held arrives now. */
  mend(): void {
    this.ways = [];
    for (const line of this.lines) hold(line, []);
  }

  /** Mended for connections that are made from now on: those that there are have been forgotten, and nobody is told. */
  forget(): void {
    this.ways = [];
  }

  async close(): Promise<void> {
    for (const { caller, server } of this.lines) for (const socket of [caller, server]) socket.destroy();
    this.listener.close();
    await once(this.listener, 'close');
  }

  private join(caller: Socket): void {
    const server = connect({ port: this.target, host: '127.0.0.1', allowHalfOpen: true });
    const line = { caller, server };
    this.lines.add(line);
    pass(caller, server);
    pass(server, caller);
    for (const socket of [caller, server]) {
      socket.on('error', () => undefined);
      socket.once('close', () => this.lines.delete(line));
    }
    hold(line, this.ways);
  }
}

/** Everything that comes from one goes to the other, its end too. */
function pass(from: Socket, to: Socket): void {
  from.setNoDelay();
  from.on('data', (chunk) => to.write(chunk));
  from.on('end', () => to.end());
  from.once('close', (hadError) => hadError && to.destroy());
}

/** Whoever is not read from is not heard: what it sends waits in the socket. */
function hold({ caller, server }: Line, ways: readonly Way[]): void {
  for (const [socket, way] of [[caller, 'there'] as const, [server, 'back'] as const]) {
    if (ways.includes(way)) socket.pause();
    else socket.resume();
  }
}
