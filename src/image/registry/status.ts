/** What a registry's HTTP status means (distribution-spec, error codes), as GantryErrors. */
import { type ErrorCode, GantryError } from '../../base/index.ts';
import { type HttpResponse, readBody } from './http.ts';

const ERROR_BODY_LIMIT = 64 << 10;

/** Reads the error document, if any, so that the registry's own words are in the message. */
export async function statusError(response: HttpResponse, subject: string): Promise<GantryError> {
  const said = await serverMessage(response);
  const { status } = response;
  const words = statusWords(status, subject);
  return new GantryError({
    code: statusCode(status),
    operation: 'fetch from registry',
    subject,
    message: `${words}: ${response.url.host} answered ${status}${said === '' ? '' : ` (${said})`}`,
  });
}

export function isTransient(status: number): boolean {
  return status === 408 || status === 429 || (status >= 500 && status !== 501);
}

function statusCode(status: number): ErrorCode {
  if (status === 401) return 'unauthenticated';
  if (status === 403) return 'permission-denied';
  if (status === 404 || status === 410) return 'not-found';
  return isTransient(status) ? 'unavailable' : 'internal';
}

function statusWords(status: number, subject: string): string {
  if (status === 401)
    return `${subject}: the registry wants (other) credentials, or the image does not exist`;
  if (status === 403) return `${subject}: access denied; the credentials do not allow a pull`;
  if (status === 404 || status === 410) return `${subject}: not found`;
  if (status === 429) return `${subject}: too many requests`;
  return `${subject}: unexpected answer`;
}

/** `CODE: message` of every error that the body lists; '' when it is no such document. */
async function serverMessage(response: HttpResponse): Promise<string> {
  try {
    const body: unknown = JSON.parse((await readBody(response, ERROR_BODY_LIMIT)).toString());
    if (typeof body !== 'object' || body === null) return '';
    if ('errors' in body && Array.isArray(body.errors)) {
      return body.errors
        .map((e: { code?: unknown; message?: unknown }) => `${e?.code}: ${e?.message}`)
        .join('; ');
    }
    return 'details' in body && typeof body.details === 'string' ? body.details : '';
  } catch {
    response.body.destroy();
    return '';
  }
}

/** Seconds or an HTTP date (RFC 9110, section 10.2.3), in milliseconds from now; undefined when absent or nonsense. */
export function retryAfterMs(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined;
  if (/^\d+$/.test(header)) return Number(header) * 1000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
