import type { Send } from './transport.js';

/** How a request says who it is: one of `cookieMode`, `tokenMode`, `basicMode`. */
export interface Mode {
  /** Whether the browser may add its cookie. */
  readonly credentials: 'omit' | 'same-origin';
  /** Puts the mode's headers on a request and sends it. */
  send(request: Request, next: Send): Promise<Response>;
}

/** For pages of the service's own origin: the browser keeps the cookie, no script ever sees it. */
export function cookieMode(): Mode {
  return { credentials: 'same-origin', send: (request, next) => next(request) };
}

/** For scripts that cannot keep a session, where the service has `BASIC_AUTH=true`, over HTTPS alone. */
export function basicMode({ username, password }: { username: string; password: string }): Mode {
  const authorization = `Basic ${base64(`${username}:${password}`)}`;
  return {
    credentials: 'omit',
    send: (request, next) => {
      request.headers.set('authorization', authorization);
      return next(request);
    },
  };
}

/** Of the text's UTF-8. */
function base64(text: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}
