import { cookieMode, createClient, type components } from 'postern-client';
import { askingForThePassword } from './reauthentication.ts';

/** The bodies of the API, by the names that openapi.json gives them. */
export type Schemas = components['schemas'];

/** For the few calls that must not open the password dialog: logging in and out, and the dialog itself. */
export const plainApi = createClient({ baseUrl: '', mode: cookieMode() });

/** The API. Throws `ProblemError`; where it wants the password once more, the dialog opens and the call is repeated. */
export const api = askingForThePassword(plainApi);
