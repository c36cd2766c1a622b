import { GantryError, native } from '../../base/index.ts';
import type { PodResource } from './types.ts';

/** The pod's settings of its own interfaces, which are there once the network is up. They go with the namespace. */
export const interfaceSysctls: PodResource = {
  async make(_host, { entry: { record }, plan }) {
    const settings = Object.entries(plan.interfaceSysctls);
    if (settings.length === 0) return;
    const names = settings.map(([name]) => pathOf(name));
    const values = settings.map(([, value]) => value);
    try {
      await native().netnsSysctls(record.netnsPath, names, values);
    } catch (cause) {
      throw new GantryError({
        code: 'invalid-argument',
        operation: 'set sysctl',
        subject: settings.map(([name]) => name).join(', '),
        message: `a sysctl of the pod's interfaces cannot be set: ${cause instanceof Error ? cause.message : cause}`,
        cause,
      });
    }
  },
  release() {},
};

/** Below /proc/sys/net: dots separate, a slash stands for the dot of an interface's name (sysctl.d(5)). */
function pathOf(name: string): string {
  return name.slice('net.'.length).replaceAll('.', '\0').replaceAll('/', '.').replaceAll('\0', '/');
}
