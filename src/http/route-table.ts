import type { FastifyInstance, RouteOptions } from 'fastify';

/** In the order in which `Allow` lists them. */
const METHOD_ORDER = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

/** Which methods a path has: Fastify itself answers 404 for a known path under another method. */
export class RouteTable {
  private readonly methods = new Set<string>();
  private readonly patterns = new Set<string>();
  private ambiguous: ReadonlySet<string> | undefined;

  constructor(private readonly instance: FastifyInstance) {
    instance.addHook('onRoute', (route) => this.add(route));
  }

  private add(route: RouteOptions): void {
    for (const method of [route.method].flat()) this.methods.add(method.toUpperCase());
    this.patterns.add(route.url);
    this.ambiguous = undefined;
  }

  /** Every method that some path has. */
  all(): string[] {
    return [...this.methods].sort((a, b) => METHOD_ORDER.indexOf(a) - METHOD_ORDER.indexOf(b));
  }

  /**
   * The methods of the path of that request target, asked of Fastify's own router; empty for no such path. Those of a
   * pattern with fewer parameters alone, where several fit: `/users/me` has not got those of `/users/:userid`.
   */
  of(target: string): string[] {
    if (target === '*') return this.all();
    if (target.includes('#')) return [];
    const found = this.all().map((method) => ({ method, parameters: this.parametersOf(method, target) }));
    const fewest = Math.min(...found.map(({ parameters }) => parameters ?? Infinity));
    return found.filter(({ parameters }) => parameters === fewest).map(({ method }) => method);
  }

  /** Whether paths that fit this pattern may fit one with fewer parameters too, which then has other methods. */
  isAmbiguous(pattern: string): boolean {
    this.ambiguous ??= new Set(
      [...this.patterns].filter((wide) => [...this.patterns].some((one) => isOneOf(one, wide))),
    );
    return this.ambiguous.has(pattern);
  }

  /** How many parameters the path of the target has there; undefined for no such path. */
  private parametersOf(method: string, target: string): number | undefined {
    const route = this.instance.findRoute({ method: method, url: target });
    if (!route) return undefined;
    const parameters = Object.entries(route.params ?? {});
    // An empty parameter is no path: the adapter answers it with 404.
    const isPath = parameters.every(([name, value]) => name === '*' || value !== '');
    return isPath ? parameters.length : undefined;
  }
}

/** Whether every path that fits `pattern` fits `wide` too, which has more parameters. */
function isOneOf(pattern: string, wide: string): boolean {
  const [narrow, other] = [pattern.split('/'), wide.split('/')];
  const fits = other.every((part, at) => part === narrow[at] || isParameter(part));
  return narrow.length === other.length && fits && narrow.filter(isParameter).length < other.filter(isParameter).length;
}

function isParameter(part: string): boolean {
  return part.startsWith(':');
}
