import { QueryFailedError } from 'typeorm';
import { createLogger } from '../../src/bootstrap/logger.js';
import { formatToken, makeToken } from '../../src/common/secret-token.js';

/** A logger, and what it has written, line by line. */
function memoryLogger(logLevel: 'info' | 'debug' = 'info') {
  const lines: string[] = [];
  const logger = createLogger({ logLevel }, { write: (line: string) => void lines.push(line) });
  return { logger, lines };
}

describe('the log', () => {
  it('writes one JSON line per event, whatever a client put into it', () => {
    const { logger, lines } = memoryLogger();
    const hostile = 'a\r\n{"level":"fatal"}\u2028\u001b[31m\u202e%s';
    logger.info({ name: hostile }, `somebody ${hostile}`);
    expect(lines).toHaveLength(1);
    // eslint-disable-next-line no-control-regex
    expect(lines[0]).toMatch(/^[^\u0000-\u001f]*\n$/);
    expect(JSON.parse(lines[0]!)).toMatchObject({ level: 'info', name: hostile });
  });

  it('keeps secrets out, by the name of the field or by their form', () => {
    const { logger, lines } = memoryLogger();
    const token = makeToken();
    logger.info({ password: 'hush-1', req: { headers: { authorization: 'hush-2', cookie: 'hush-3' } } });
    logger.info({ body: { newPassword: 'hush-4', apitoken: 'hush-5' }, headers: { 'set-cookie': 'hush-6' } });
    logger.info({ deep: { er: [formatToken('apt', token)] } }, `got ${formatToken('act', token)}`);
    expect(lines).toHaveLength(3);
    expect(lines.join('')).not.toMatch(/hush/);
    expect(lines.join('')).not.toContain(token.secret);
    expect(lines[2]).toContain(`act_${token.id}_[redacted]`);
  });

  it('tells of an error and its causes, without the statement and its parameters', () => {
    const { logger, lines } = memoryLogger();
    const driver = Object.assign(new Error('duplicate key value'), { code: '23505', detail: 'Key (name)=(hush)' });
    const failed = new QueryFailedError('INSERT INTO users VALUES ($1)', ['hush'], driver);
    logger.warn({ err: new Error('outer', { cause: failed }) }, 'it failed');
    expect(lines[0]).not.toMatch(/hush|INSERT/);
    const { err } = JSON.parse(lines[0]!) as { err: { type: string; stack: string; cause: object } };
    expect(err).toMatchObject({ type: 'Error', message: 'outer', cause: { type: 'QueryFailedError', code: '23505' } });
    expect(err.stack).toContain('logger.spec');
    logger.warn({ err: { parameters: ['hush'] } }, 'something else was thrown');
    expect(JSON.parse(lines[1]!)).toMatchObject({ err: { type: 'object', message: '' } });
    expect(lines[1]).not.toContain('hush');
  });
});
