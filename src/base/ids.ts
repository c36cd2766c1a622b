import { randomBytes } from 'node:crypto';

/** Sandbox and container IDs: 64 lower-case hex digits, because cAdvisor and the kubelet parse them out of cgroup paths. */
export function newId(): string {
  return randomBytes(32).toString('hex');
}

export function isId(text: string): boolean {
  return /^[0-9a-f]{64}$/.test(text);
}
