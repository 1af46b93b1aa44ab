import { connect } from 'node:net';

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Longest wait for a server to end a connection, in ms. */
const PATIENCE = 30_000;

/**
 * Sends bytes as they are and gives the answers that came until the server ended the connection. Strings are
 * sent as Latin-1, a part after the other once the one before is written.
 */
export function sendRaw(port: number, ...parts: (string | Buffer)[]): Promise<Answer[]> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    const chunks: Buffer[] = [];
    const late = setTimeout(() => {
      socket.destroy();
      reject(new Error(`no end after: ${Buffer.concat(chunks).toString('latin1').slice(0, 500)}`));
    }, PATIENCE);
    const finish = () => {
      clearTimeout(late);
      resolve(parseAnswers(Buffer.concat(chunks).toString('latin1')));
    };
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('error', () => {});
    socket.on('end', () => socket.end());
    socket.on('close', finish);
    void (async () => {
      for (const part of parts) {
        await new Promise((written) =>
          socket.write(typeof part === 'string' ? Buffer.from(part, 'latin1') : part, written),
        );
      }
    })();
  });
}

/** A request in full, its connection ended after the answer; header values as they are. */
export function request(line: string, headers: readonly string[] = [], body = ''): string {
  return [`${line} HTTP/1.1`, 'Host: localhost', 'Connection: close', ...headers, '', body].join('\r\n');
}

function parseAnswers(text: string): Answer[] {
  const answers: Answer[] = [];
  let rest = text;
  while (rest.startsWith('HTTP/1.1 ')) {
    const end = rest.indexOf('\r\n\r\n');
    const [line, ...lines] = rest.slice(0, end).split('\r\n');
    const headers = Object.fromEntries(
      lines.map((header) => [header.split(':', 1)[0]!.toLowerCase(), header.slice(header.indexOf(':') + 1).trim()]),
    );
    const status = Number(line!.split(' ')[1]);
    const length = status < 200 ? 0 : Number(headers['content-length'] ?? 0);
    const start = end + 4;
    answers.push({ status, headers, body: rest.slice(start, start + length) });
    rest = rest.slice(start + length);
  }
  if (rest !== '') throw new Error(`not an answer: ${rest.slice(0, 300)}`);
  return answers;
}
