import { Problem } from '../../src/common/problem.js';
import { formatToken, makeToken } from '../../src/common/secret-token.js';
import { findCredentials, type LeakedCredentialHandler } from '../../src/http/credentials-in-url.js';
import { answerOf, expectProblem } from './expect-problem.js';
import { request, sendRaw } from './raw.js';
import { calls, ORIGIN, startApp, type TestApp } from './test-app.js';

const USERID = '7b5a1b9a-3c0f-4e51-9d6b-5b0c6a1f2e3d';
const apitoken = formatToken('apt', makeToken());
const accesstoken = formatToken('act', makeToken());
const code = formatToken('rst', makeToken());
const escaped = (text: string) => text.replace(/./g, (letter) => `%${letter.charCodeAt(0).toString(16)}`);

type Found = Parameters<LeakedCredentialHandler['handle']>[0];

let test: TestApp;
let found: Found[] = [];
let handle: () => Promise<void> = () => Promise.resolve();

beforeAll(async () => {
  test = await startApp({
    leakedCredentials: {
      handle: (leaked) => {
        found.push(leaked);
        return handle();
      },
    },
  });
});
afterAll(() => test.close());
beforeEach(() => {
  calls.splice(0);
  found = [];
  handle = () => Promise.resolve();
});

const refuse = async (target: string, method = 'GET') => {
  const answers = await sendRaw(test.port, request(`${method} ${target}`));
  const problem = expectProblem(answers[0]!, 400, 'credentials_in_url');
  expect(answers[0]!.body).not.toMatch(/(apt|act|rst)_/);
  expect(calls).toEqual([]);
  return problem;
};

describe('a token in a URL', () => {
  it.each([
    ['in the path', `/v1/things/${apitoken}`],
    ['in a path that does not exist', `/nope/${apitoken}/x`],
    ['in the query', `/v1/things?search=${apitoken}`],
    ['as a key', `/v1/things?${apitoken}`],
    ['within other text', `/v1/things?search=x${apitoken}y`],
    ['percent-encoded', `/v1/things?search=${escaped(apitoken)}`],
    ['percent-encoded in part', `/${apitoken.replaceAll('_', '%5F')}`],
    ['percent-encoded in the path', `/v1/${escaped(apitoken)}`],
    ['in a fragment', `/v1/things#${apitoken}`],
    ['in an absolute URL', `http://localhost/v1/things?x=${apitoken}`],
    ['beside a name that is none', `/v1/things?access_token=${apitoken}`],
  ])('%s is refused and handed over', async (_name, target) => {
    for (const method of ['GET', 'DELETE', 'OPTIONS', 'TRACE']) await refuse(target, method);
    // The parser stops at this one, and takes a path alone.
    await refuse(target.replace('http://localhost', ''), 'FOO');
    expect(found).toHaveLength(5);
    expect(new Set(found.map((each) => each.tokens.join()))).toEqual(new Set([apitoken]));
    expect(new Set(found.map(({ client }) => client.ip))).toEqual(new Set(['127.0.0.1']));
  });

  it('goes with the userids and the other tokens of the URL, each once', async () => {
    await refuse(`/v1/things/${USERID}?s=${USERID}.${accesstoken}&c=${code}&again=${escaped(accesstoken)}`);
    expect(found.map(({ tokens, userids }) => ({ tokens, userids }))).toEqual([
      { tokens: [accesstoken, code], userids: [USERID] },
    ]);
  });

  it.each(['GET', 'FOO', 'CONNECT'])('goes with the userids in headers, under %s too', async (method) => {
    const other = '7b5a1b9a-3c0f-4e51-9d6b-5b0c6a1f2e3e';
    const headers = [`X-User-Id: ${USERID}`, `Cookie: a=b; __Host-session=${other}.x`, 'X-Request-Id: label-123'];
    const answers = await sendRaw(test.port, request(`${method} /v1/things?s=${accesstoken}`, headers));
    expect(expectProblem(answers[0]!, 400, 'credentials_in_url').requestId).toBe('label-123');
    expect(found.map(({ userids, client }) => [userids, client.requestId])).toEqual([[[USERID, other], 'label-123']]);
  });

  it('is not one in another shape', async () => {
    for (const other of [
      apitoken.slice(0, -1),
      apitoken.toUpperCase(),
      apitoken.replace('apt', 'abc'),
      apitoken.replaceAll('_', '-'),
    ]) {
      expect(findCredentials(`/v1/things?search=${other}`)).toBeNull();
    }
    expect(findCredentials(`/${escaped(escaped(apitoken))}`)).toBeNull();
  });
});

describe('a query key that names a secret', () => {
  const names = ['password', 'newPassword', 'apitoken', 'accesstoken', 'code', 'authorization'];

  it.each(names)('%s is refused in any case, percent-encoded, without a value and anywhere', async (name) => {
    const keys = [
      name,
      name.toUpperCase(),
      name.toLowerCase(),
      escaped(name),
      `%${name.charCodeAt(0).toString(16)}${name.slice(1)}`,
    ];
    for (const key of keys) {
      await refuse(`/v1/things?${key}=x`);
      await refuse(`/nope?limit=1&${key}`);
      await refuse(`/v1/check?a=b?${key}=`);
    }
    expect(found.every(({ tokens }) => tokens.length === 0)).toBe(true);
  });

  it('is none where it is a value, a path, or part of a name', () => {
    for (const target of [
      '/password',
      '/v1/things?search=password',
      '/x?passwords=1',
      '/x?zipcode=1',
      '/x?a=code',
      '/x',
    ]) {
      expect(findCredentials(target)).toBeNull();
    }
  });
});

describe('the handler', () => {
  it('does not matter to the answer: it may fail, throw or hang', async () => {
    const fates: (() => Promise<void>)[] = [
      () => Promise.reject(new Problem('unavailable')),
      () => {
        throw new Error('no promise');
      },
      () => new Promise(() => {}),
    ];
    for (const fate of fates) {
      handle = fate;
      await refuse(`/v1/things?search=${apitoken}`);
    }
    expect(found).toHaveLength(3);
  });

  it('has done its work when the answer comes', async () => {
    let done = false;
    handle = async () => {
      await new Promise((resolve) => setImmediate(resolve));
      done = true;
    };
    await refuse(`/v1/things?search=${apitoken}`);
    expect(done).toBe(true);
  });

  it('is not asked for a URL without credentials, nor for a malformed one', async () => {
    await fetch(`${test.url}/v1/things?search=a`);
    const [answer] = await sendRaw(test.port, request(`GET /%zz?password=${apitoken}`));
    expectProblem(answer!, 400, 'malformed');
    expect(found).toEqual([]);
  });

  it('need not be there', async () => {
    const plain = await startApp();
    const answer = await answerOf(await fetch(`${plain.url}/v1/check?code=x`, { headers: { origin: ORIGIN } }));
    expectProblem(answer, 400, 'credentials_in_url');
    await plain.close();
  });
});
