import type { Mode } from './mode.js';
import { ProblemError } from './problem-error.js';
import type { SecretStore } from './secret-store.js';
import type { Send } from './transport.js';

/** What a session is called by: both halves go with every request. */
export interface Session {
  readonly userid: string;
  readonly accesstoken: string;
}

const SESSION = 'session';
/** Answer 2xx with a session in place of the one that asked. */
const REPLACING = ['POST /v1/auth/reauthenticate', 'POST /v1/users/me/password', 'DELETE /v1/sessions'];
/** When they are answered 2xx and give no session, the one that asked is over. */
const ENDING = ['POST /v1/auth/logout', 'DELETE /v1/sessions', 'DELETE /v1/users/me'];

/** For apps, scripts and services: the session lies in `store`, and follows what the service answers. */
export function tokenMode({ store }: { store: SecretStore }): TokenMode {
  return new TokenMode(store);
}

/**
 * Token mode. A login stores its session; re-authentication, a password change and `DELETE /v1/sessions?keep=current`
 * put the new one in place of it; logout, ending all sessions and deleting the account take it out.
 */
export class TokenMode implements Mode {
  readonly credentials = 'omit';
  readonly #replacing = new Set<Promise<unknown>>();

  constructor(readonly store: SecretStore) {}

  /** The stored session; null where nobody is logged in. */
  async session(): Promise<Session | null> {
    const text = await this.store.get(SESSION);
    return text === null ? null : (JSON.parse(text) as Session);
  }

  /** Takes the session out of the store; the service is not told. */
  forget(): Promise<void> {
    return this.store.remove(SESSION);
  }

  /**
   * A 401 to a request whose token is no longer the stored one says nothing about the stored one: it is sent once more
   * with that, unless it is another user's. With a 401 nothing has happened, so this holds for unsafe requests too.
   */
  async send(request: Request, next: Send): Promise<Response> {
    const sent = await this.session();
    try {
      return await this.#sendAs(sent, request.clone(), next);
    } catch (error) {
      if (sent === null || !isSessionRefused(error)) throw error;
      await Promise.allSettled(this.#replacing);
      const stored = await this.session();
      if (stored?.userid !== sent.userid || stored.accesstoken === sent.accesstoken) throw error;
      return this.#sendAs(stored, request, next);
    }
  }

  #sendAs(session: Session | null, request: Request, next: Send): Promise<Response> {
    if (session !== null) {
      request.headers.set('x-user-id', session.userid);
      request.headers.set('authorization', `Bearer ${session.accesstoken}`);
    }
    const answered = next(request).then((response) => this.#follow(session, request, response));
    if (isOneOf(REPLACING, request)) {
      this.#replacing.add(answered);
      const forget = () => this.#replacing.delete(answered);
      answered.then(forget, forget);
    }
    return answered;
  }

  /** Before the caller has the answer, the store has what it says. */
  async #follow(sent: Session | null, request: Request, response: Response): Promise<Response> {
    const isLogin = isOneOf(['POST /v1/auth/login'], request);
    if (!isLogin && !isOneOf([...REPLACING, ...ENDING], request)) return response;
    const given = response.status === 204 ? {} : ((await response.clone().json()) as Partial<Session>);
    // Somebody may have logged in or out while this was on its way.
    if (!isLogin && (await this.session())?.accesstoken !== sent?.accesstoken) return response;
    const { userid = sent?.userid, accesstoken } = given;
    if (accesstoken === undefined) await this.forget();
    else await this.store.set(SESSION, JSON.stringify({ userid, accesstoken }));
    return response;
  }
}

function isSessionRefused(error: unknown): boolean {
  return error instanceof ProblemError && error.status === 401 && error.code !== 'invalid_credentials';
}

function isOneOf(routes: readonly string[], { method, url }: Request): boolean {
  // URL.pathname is not there in every React Native.
  const path = url.replace(/[?#].*$/, '');
  return routes.some((route) => {
    const [wanted, end] = route.split(' ') as [string, string];
    return method === wanted && path.endsWith(end);
  });
}
