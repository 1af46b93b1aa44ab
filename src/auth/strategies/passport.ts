import type { FastifyReply, FastifyRequest } from 'fastify';
import passport from 'passport';
import Custom from 'passport-custom';

/** Looks at a request and gives who it is, or null for nobody; a Problem it throws is the answer. */
type Verify<T> = (request: FastifyRequest) => Promise<T | null>;

/**
 * A passport-custom strategy on a passport of its own. Passport's usual instance is shared by the whole process, so
 * that two applications in it would answer for one another (docs/adr/0003).
 */
export class PassportStrategy<T extends object> {
  private readonly passport = new passport.Passport();

  constructor(
    private readonly name: string,
    verify: Verify<T>,
  ) {
    const strategy = new Custom((request, done) => {
      verify(request as unknown as FastifyRequest).then(
        (found) => done(null, found ?? false),
        (error: unknown) => done(error),
      );
    });
    this.passport.use(name, strategy);
  }

  /** What the strategy finds in this request; null for nobody. Rejects with what it threw. */
  authenticate(request: FastifyRequest, reply: FastifyReply): Promise<T | null> {
    return new Promise((resolve, reject) => {
      const answer = (error: unknown, found?: T | false | null) =>
        error ? reject(error as Error) : resolve(found || null);
      const middleware = this.passport.authenticate(this.name, { session: false }, answer) as (
        ...args: unknown[]
      ) => void;
      middleware(request, reply, reject);
    });
  }
}
