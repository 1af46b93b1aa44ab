import type { FastifyInstance, RouteOptions } from 'fastify';

/** In the order in which `Allow` lists them. */
const METHOD_ORDER = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

/** Which methods a path has: Fastify itself answers 404 for a known path under another method. */
export class RouteTable {
  private readonly methods = new Set<string>();

  constructor(private readonly instance: FastifyInstance) {
    instance.addHook('onRoute', (route) => this.add(route));
  }

  private add(route: RouteOptions): void {
    for (const method of [route.method].flat()) this.methods.add(method.toUpperCase());
  }

  /** Every method that some path has. */
  all(): string[] {
    return [...this.methods].sort((a, b) => METHOD_ORDER.indexOf(a) - METHOD_ORDER.indexOf(b));
  }

  /** The methods of the path of that request target, asked of Fastify's own router; empty for no such path. */
  of(target: string): string[] {
    if (target === '*') return this.all();
    return target.includes('#') ? [] : this.all().filter((method) => this.has(method, target));
  }

  private has(method: string, target: string): boolean {
    const route = this.instance.findRoute({ method: method, url: target });
    if (!route) return false;
    // An empty parameter is no path: the adapter answers it with 404.
    return Object.entries(route.params ?? {}).every(([name, value]) => name === '*' || value !== '');
  }
}
