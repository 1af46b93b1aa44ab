import { createClient, memoryStore, ProblemError, tokenMode } from 'postern-client';
import { startTestApp, type TestApp } from '../support/app.js';
import { FIRST_ADMIN } from '../support/first-accounts.js';

let app: TestApp;

beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.close());

it('calls the service in token mode, typed', async () => {
  const api = createClient({ baseUrl: app.url, mode: tokenMode({ store: memoryStore() }) });
  await api.POST('/v1/auth/login', { body: FIRST_ADMIN });
  const me = await api.GET('/v1/users/me');
  expect(me.username).toBe('first-admin');
  const user = await api.GET('/v1/users', { params: { query: { limit: '3' } } });
  expect(user.items).toHaveLength(2);
  const nothing: undefined = await api.POST('/v1/auth/logout');
  expect(nothing).toBeUndefined();
  await expect(api.GET('/v1/users/me')).rejects.toThrow(ProblemError);
  // @ts-expect-error: the userid is missing
  await expect(api.GET('/v1/users/{userid}')).rejects.toThrow(ProblemError);
  // @ts-expect-error: the password is missing
  await expect(api.POST('/v1/users', { body: { username: 'x' } })).rejects.toThrow(ProblemError);
});
