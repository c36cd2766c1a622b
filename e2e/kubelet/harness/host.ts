import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { cgroupDriver } from '../../harness/index.ts';

/** The node's address: of a link that only the tests' network namespace has. */
export const nodeIp = '10.231.0.1';
const link = 'ge-node';

/** Paths that the kubelet uses wherever its root is: its log links, and its plug-ins' sockets. */
const fixedPaths = ['/var/log/containers', '/var/lib/kubelet'];

/**
 * Makes out of what e2e/isolated gives (namespaces with nothing in them) a host that the kubelet takes for a node: with
 * an address that is not loopback's, a default route and scratch directories at the few paths that no option moves.
 * Idempotent; what it made goes with the namespaces.
 */
export function prepareHost(): void {
  requireIsolation();
  if (spawnSync('ip', ['link', 'show', link]).status !== 0) {
    ip('link', 'add', link, 'type', 'bridge');
    ip('address', 'add', `${nodeIp}/24`, 'dev', link);
    ip('link', 'set', link, 'up');
    ip('route', 'add', 'default', 'via', '10.231.0.254');
  }
  const mounted = readFileSync('/proc/self/mountinfo', 'utf8');
  for (const path of fixedPaths) {
    mkdirSync(path, { recursive: true });
    if (!mounted.includes(` ${path} `)) execFileSync('mount', ['-t', 'tmpfs', 'ge-kubelet', path]);
  }
}

function requireIsolation(): void {
  // A virtual machine of e2e/guest, of which nothing stays.
  if (cgroupDriver === 'systemd') return;
  const isIsolated = /^.* \/run .* - tmpfs e2e /m.test(readFileSync('/proc/self/mountinfo', 'utf8'));
  if (!isIsolated)
    throw new Error('the kubelet changes the host that it runs on: run these tests under e2e/isolated');
}

function ip(...args: string[]): void {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'inherit'] });
}
