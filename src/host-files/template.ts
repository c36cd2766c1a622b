/** Files of the host that every pod gets a copy of: /etc/hosts, /etc/resolv.conf. */
import { errno, errorCode } from '../base/index.ts';
import { readHostFile } from './requests.ts';

const last = new Map<string, string>();

/**
 * The file's text, '' where there is none. If its file system does not answer soon, what it was the last time: no pod's start
 * waits for what hardly ever changes. Errors: deadline-exceeded, naming the path, for one that was never read; those of reading.
 */
export async function readHostTemplate(path: string, signal: AbortSignal): Promise<string> {
  const known = last.get(path);
  try {
    const text = await readHostFile(path, { wait: known === undefined ? 'hostPath' : 'hostFile', signal });
    last.set(path, text);
    return text;
  } catch (error) {
    if (errno(error) === 'ENOENT') return '';
    if (known === undefined || errorCode(error) !== 'deadline-exceeded' || signal.aborted) throw error;
    return known;
  }
}
