import type { Answer } from './raw.js';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const LIBRARY_WORDS = /fst_err|fastify|nest|node_modules|hpe_|\bstack\b|select |econn|\.ts:|\.js:/i;

/** The headers of every answer, whatever its status. */
export function expectStandardHeaders(headers: Readonly<Record<string, string>>, https = false): void {
  expect(headers).toMatchObject({
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cross-origin-resource-policy': 'same-origin',
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    'x-request-id': expect.stringMatching(/^[A-Za-z0-9-]{8,64}$/) as string,
  });
  expect(headers['strict-transport-security']).toBe(https ? 'max-age=31536000; includeSubDomains' : undefined);
  for (const name of ['server', 'x-powered-by', 'set-cookie', 'location']) expect(headers[name]).toBeUndefined();
}

export interface ProblemJson {
  status: number;
  code: string;
  requestId: string;
  errors?: { field: string; message: string }[];
}

/** That an answer is a problem as the contract has it; gives its body. */
export function expectProblem(answer: Answer, status: number, code: string, https = false): ProblemJson {
  const described = { status: answer.status, body: answer.body };
  expect(described).toEqual({ status, body: expect.stringContaining(`"code":"${code}"`) as string });
  expect(answer.headers['content-type']).toBe('application/problem+json; charset=utf-8');
  expectStandardHeaders(answer.headers, https);
  const body = JSON.parse(answer.body) as ProblemJson;
  expect(body).toMatchObject({ type: 'about:blank', title: expect.any(String) as string, status, code });
  expect(body.requestId).toBe(answer.headers['x-request-id']);
  expect(Object.keys(body).filter((key) => !KNOWN_KEYS.has(key))).toEqual([]);
  expect(answer.body).not.toMatch(LIBRARY_WORDS);
  return body;
}

const KNOWN_KEYS = new Set(['type', 'title', 'status', 'code', 'detail', 'requestId', 'errors']);

export { UUID };

/** A `fetch` answer in the form of a raw one. */
export async function answerOf(response: Response): Promise<Answer> {
  return { status: response.status, headers: Object.fromEntries(response.headers), body: await response.text() };
}
