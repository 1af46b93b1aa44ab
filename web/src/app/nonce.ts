import { setNonce } from 'get-nonce';

/**
 * The nonce that this answer's content security policy allows styles by. Vite's build puts it into a `<meta>`; browsers
 * hide the attribute from everything but this property.
 */
export function readNonce(): string {
  const nonce = document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce ?? '';
  // The scroll lock of dialogs makes a style of its own.
  setNonce(nonce);
  return nonce;
}
