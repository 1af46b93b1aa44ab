/** What a hostile page does. Each runs in that page, with the address of the service, and ends when it has tried. */
export interface Attack {
  readonly name: string;
  readonly run: (service: string) => Promise<void>;
  /** Not sent where the browser asks first and is told no. */
  readonly preflighted?: boolean;
  /** Refused for its content type, which comes before the question whose page it was. */
  readonly wrongType?: boolean;
}

/** The functions go into the page as text: each stands alone. */
export const ATTACKS: readonly Attack[] = [
  {
    name: 'a form that logs out',
    run: async (service) => {
      const form = Object.assign(document.createElement('form'), { method: 'post', target: 'hidden' });
      form.action = `${service}/v1/auth/logout`;
      document.body.append(form);
      form.submit();
    },
  },
  {
    name: 'a form of text/plain whose body is JSON',
    wrongType: true,
    run: async (service) => {
      const form = Object.assign(document.createElement('form'), { method: 'post', target: 'hidden' });
      form.action = `${service}/v1/roles`;
      form.enctype = 'text/plain';
      const field = document.createElement('input');
      [field.name, field.value] = ['{"name":"evil","description":"', '"}'];
      form.append(field);
      document.body.append(form);
      form.submit();
    },
  },
  {
    name: 'a form with files, to the private areas',
    wrongType: true,
    run: async (service) => {
      const form = Object.assign(document.createElement('form'), { method: 'post', target: 'hidden' });
      form.action = `${service}/v1/areas`;
      form.enctype = 'multipart/form-data';
      const field = document.createElement('input');
      [field.name, field.value] = ['name', 'evil'];
      form.append(field);
      document.body.append(form);
      form.submit();
    },
  },
  {
    name: 'a form that logs in as somebody else',
    wrongType: true,
    run: async (service) => {
      const form = Object.assign(document.createElement('form'), { method: 'post', target: 'hidden' });
      form.action = `${service}/v1/auth/web/login`;
      form.enctype = 'text/plain';
      const field = document.createElement('input');
      field.name = '{"username":"mallory","password":"crows sleep on the mast","deviceName":"';
      field.value = '"}';
      form.append(field);
      document.body.append(form);
      form.submit();
    },
  },
  {
    name: 'fetch without CORS',
    wrongType: true,
    run: async (service) => {
      const body = '{"name":"evil","description":""}';
      const options = { method: 'POST', mode: 'no-cors', credentials: 'include', body } as const;
      await fetch(`${service}/v1/roles`, options).catch(() => undefined);
    },
  },
  {
    name: 'fetch without CORS and without a body',
    run: async (service) => {
      const options = { method: 'POST', mode: 'no-cors', credentials: 'include', keepalive: true } as const;
      await fetch(`${service}/v1/auth/logout`, options).catch(() => undefined);
    },
  },
  {
    name: 'fetch with credentials and JSON',
    preflighted: true,
    run: async (service) => {
      const headers = { 'content-type': 'application/json' };
      const body = '{"name":"evil","description":""}';
      await fetch(`${service}/v1/roles`, { method: 'POST', credentials: 'include', headers, body }).catch(
        () => undefined,
      );
    },
  },
  {
    name: 'fetch with DELETE',
    preflighted: true,
    run: async (service) => {
      await fetch(`${service}/v1/sessions`, { method: 'DELETE', credentials: 'include' }).catch(() => undefined);
    },
  },
  {
    name: 'a beacon',
    run: async (service) => {
      navigator.sendBeacon(`${service}/v1/auth/logout`);
    },
  },
];

/** What a hostile page does to learn something. Gives what it learnt, null where that is nothing. */
export const READS: readonly { readonly name: string; readonly run: (service: string) => Promise<string | null> }[] = [
  {
    name: 'fetch with credentials',
    run: (service) =>
      fetch(`${service}/v1/users/me`, { credentials: 'include' })
        .then((answer) => answer.text())
        .catch(() => null),
  },
  {
    name: 'an image',
    run: (service) =>
      new Promise((resolve) => {
        const image = new Image();
        image.onload = () => resolve('loaded');
        image.onerror = () => resolve(null);
        image.src = `${service}/v1/users/me`;
      }),
  },
  {
    name: 'a script',
    run: (service) =>
      new Promise((resolve) => {
        const script = document.createElement('script');
        script.onload = () => resolve('loaded');
        script.onerror = () => resolve(null);
        script.src = `${service}/v1/users/me`;
        document.body.append(script);
      }),
  },
];
