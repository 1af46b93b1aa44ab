import type { Locator, Page } from 'playwright-core';

/** What Swagger UI shows of an answer. `T` is what the test takes the body for. */
export interface Answer<T> {
  readonly status: number;
  /** Undefined where there is none. */
  readonly body: T;
}

export interface Filled {
  /** Path and query parameters by name. */
  readonly parameters?: Readonly<Record<string, string>>;
  /** Default: the example that stands there. */
  readonly body?: unknown;
}

/** `/docs` as a person uses it: by what is written on it. */
export class SwaggerPage {
  constructor(private readonly page: Page) {}

  async open(url: string): Promise<void> {
    await this.page.goto(`${url}/docs`);
    await this.page.getByRole('heading', { name: /^Postern/ }).waitFor();
    await this.page.locator('.opblock').first().waitFor();
  }

  /** `METHOD path` of every operation on the page, in its order. */
  async operations(): Promise<string[]> {
    return this.page.locator('.opblock-summary').evaluateAll((blocks) =>
      blocks.map((block) => {
        const path = block.querySelector('[data-path]')?.getAttribute('data-path');
        return `${block.querySelector('.opblock-summary-method')?.textContent} ${path}`;
      }),
    );
  }

  /** Opens the operation where it is closed, fills it in, presses Execute and reads the answer. */
  async execute<T = unknown>(operation: string, { parameters = {}, body }: Filled = {}): Promise<Answer<T>> {
    const block = await this.opened(operation);
    for (const [name, value] of Object.entries(parameters)) {
      await block.locator(`tr[data-param-name="${name}"] input`).fill(value);
    }
    if (body !== undefined) await block.locator('.body-param__text').fill(JSON.stringify(body, null, 2));
    const clear = block.getByRole('button', { name: 'Clear' });
    if (await clear.isVisible()) await clear.click();
    await block.getByRole('button', { name: 'Execute' }).click();
    return answerIn<T>(block);
  }

  /** Opens it where it is closed. */
  async opened(operation: string): Promise<Locator> {
    const [method, path] = operation.split(' ');
    const block = this.page
      .locator(`.opblock-${method!.toLowerCase()}`)
      .filter({ has: this.page.locator(`[data-path="${path}"]`) });
    if (!(await block.locator('.opblock-body').isVisible())) await block.locator('.opblock-summary-control').click();
    await block.getByRole('button', { name: 'Execute' }).waitFor();
    return block;
  }

  /** Puts both halves of token mode into Authorize; those that are there are logged out first. */
  async authorize({ userid, accesstoken }: { userid: string; accesstoken: string }): Promise<void> {
    const dialog = await this.openAuthorize();
    for (const [scheme, value] of Object.entries({ userid, accesstoken })) {
      const half = dialog.locator('.auth-container').filter({ has: this.page.getByText(scheme, { exact: true }) });
      const logout = half.getByRole('button', { name: /logout|remove authorization/i });
      if (await logout.isVisible()) await logout.click();
      await half.locator('input').fill(value);
      await half.getByRole('button', { name: /authorize|apply/i }).click();
    }
    await this.closeAuthorize(dialog);
  }

  /** Takes everything out of Authorize. */
  async deauthorize(): Promise<void> {
    const dialog = await this.openAuthorize();
    const logout = dialog.getByRole('button', { name: /logout|remove authorization/i });
    while ((await logout.count()) > 0) await logout.first().click();
    await this.closeAuthorize(dialog);
  }

  async openAuthorize(): Promise<Locator> {
    await this.page.locator('.auth-wrapper .authorize').click();
    const dialog = this.page.locator('.dialog-ux');
    await dialog.waitFor();
    return dialog;
  }

  private async closeAuthorize(dialog: Locator): Promise<void> {
    await dialog.locator('.close-modal').click();
    await dialog.waitFor({ state: 'hidden' });
  }
}

async function answerIn<T>(block: Locator): Promise<Answer<T>> {
  const live = block.locator('.live-responses-table .response').first();
  const status = Number.parseInt(await live.locator('.response-col_status').innerText(), 10);
  const code = live.locator('.response-col_description .highlight-code').first();
  if ((await code.count()) === 0) return { status, body: undefined as T };
  return { status, body: JSON.parse(await code.locator('pre').innerText()) as T };
}
