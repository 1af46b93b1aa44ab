import { setTimeout as wait } from 'node:timers/promises';
import { api, expectStatus, type Api, type TokenLogin, type User } from '../support/client.js';
import { FIRST_APP } from '../support/first-accounts.js';

const TRIES = 3;

/** The app on one phone: a try that is refused is repeated when `Retry-After` says so, three tries in all. */
export class Phone {
  /** How many each step has taken: the app's login, the sign-up, the user's login. */
  readonly tries: number[] = [];
  readonly #client: Api;

  constructor(url: string) {
    this.#client = api(url);
  }

  /** Signs a user up and in. Throws where a step is refused for the third time. */
  async signUp(username: string): Promise<void> {
    const password = `garden of ${username} swing`;
    const app = await this.#insist<TokenLogin>('/v1/auth/login', { ...FIRST_APP });
    const { apitoken } = await this.#insist<User>('/v1/users', { username, password }, app);
    const as = await this.#insist<TokenLogin>('/v1/auth/login', { username, password, apitoken });
    expectStatus(await this.#client.get('/v1/users/me', { as }), 200);
  }

  async #insist<T>(path: string, body: object, as?: TokenLogin): Promise<T> {
    for (let tries = 1; ; tries += 1) {
      const reply = await this.#client.post<T>(path, body, as === undefined ? {} : { as });
      if (reply.status < 400) {
        this.tries.push(tries);
        return reply.body;
      }
      if (tries === TRIES) throw new Error(`${path}, try ${tries}: ${reply.status} ${reply.code}`);
      await wait(Number(reply.headers['retry-after'] ?? 0) * 1000);
    }
  }
}
