import type { PodSandboxConfig } from '../cri-types/index.ts';
import { invalid } from './errors.ts';

/** Per IPC namespace (Linux, ipc/ipc_sysctl.c and mq_sysctl.c). */
const ipcNames: ReadonlySet<string> = new Set([
  ...['kernel.msgmax', 'kernel.msgmnb', 'kernel.msgmni', 'kernel.sem', 'kernel.shmall', 'kernel.shmmax'],
  ...['kernel.shmmni', 'kernel.shm_rmid_forced'],
]);

/**
 * The pod's sysctls by dotted name. Only those that a namespace of the pod's own holds; on the host's network or IPC
 * they would change the node. Like containerd's, pods on a network of their own may bind low ports and send pings
 * without a capability unless told otherwise.
 */
export function podSysctls(sandbox: PodSandboxConfig): Record<string, string> {
  const options = sandbox.linux?.securityContext?.namespaceOptions;
  const ownNetwork = options?.network !== 'NODE';
  const ownIpc = options?.ipc !== 'NODE';
  const userns = options?.usernsOptions?.mode === 'POD';
  const result: Record<string, string> = {};
  if (ownNetwork) {
    result['net.ipv4.ip_unprivileged_port_start'] = '0';
    // The range must be mapped in the user namespace, which this one never is.
    if (!userns) result['net.ipv4.ping_group_range'] = '0 2147483647';
  }
  for (const [given, value] of Object.entries(sandbox.linux?.sysctls ?? {})) {
    const name = given.includes('/') ? dotted(given) : given;
    checkSysctl(name, ownNetwork, ownIpc);
    result[name] = value;
  }
  return result;
}

/** sysctl(8): with slashes as separators, dots belong to a name (`net/ipv4/conf/eth0.1/forwarding`). */
function dotted(name: string): string {
  return name.replaceAll('.', '\0').replaceAll('/', '.').replaceAll('\0', '/');
}

/** At least two parts; a slash (a dot of an interface's name) only between letters, so that no path leads elsewhere. */
const wellFormed = /^[\w-]+(\/[\w-]+)*(\.[\w-]+(\/[\w-]+)*)+$/;

function checkSysctl(name: string, ownNetwork: boolean, ownIpc: boolean): void {
  if (!wellFormed.test(name)) throw invalid(name, `'${name}' is no name of a sysctl`);
  if (name.startsWith('net.')) {
    if (!ownNetwork) throw invalid(name, `sysctl ${name} on the host's network would change the node`);
    return;
  }
  if (ipcNames.has(name) || name.startsWith('fs.mqueue.')) {
    if (!ownIpc) throw invalid(name, `sysctl ${name} in the host's IPC namespace would change the node`);
    return;
  }
  // The UTS namespace goes with the network: a pod on the host's network has the host's name.
  if (name === 'kernel.domainname' && ownNetwork) return;
  throw invalid(name, `sysctl ${name} belongs to the whole node, not to a pod`);
}
