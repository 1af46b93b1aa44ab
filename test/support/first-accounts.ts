import { formatToken, makeToken } from '../../src/common/secret-token.js';

/** What somebody logs in with. */
export interface Account {
  readonly username: string;
  readonly password: string;
  readonly apitoken: string;
}

/** The first accounts of every test application; several on one database find them made. */
export const FIRST_ADMIN: Account = {
  username: 'first-admin',
  password: 'otters wade through amber',
  apitoken: formatToken('apt', makeToken()),
};
export const FIRST_APP: Account = {
  username: 'mobile-app',
  password: 'lanterns drift over fjords',
  apitoken: formatToken('apt', makeToken()),
};

/** What makes the service make them. */
export const FIRST_ACCOUNTS_ENV: Readonly<Record<string, string>> = {
  BOOTSTRAP_ADMIN_USERNAME: FIRST_ADMIN.username,
  BOOTSTRAP_ADMIN_PASSWORD: FIRST_ADMIN.password,
  BOOTSTRAP_ADMIN_APITOKEN: FIRST_ADMIN.apitoken,
  BOOTSTRAP_APP_USERNAME: FIRST_APP.username,
  BOOTSTRAP_APP_PASSWORD: FIRST_APP.password,
  BOOTSTRAP_APP_APITOKEN: FIRST_APP.apitoken,
};
