import { writeFileSync } from 'node:fs';
import { readHostTemplate } from '../../host-files/index.ts';
import { hostResolvConf, renderResolvConf } from '../../network/index.ts';
import type { PodResource } from './types.ts';

/** What containers see of the pod at /etc: in the pod's directory, with which they go. */
export const files: PodResource = {
  async make(_host, { entry: { directory }, plan, signal }) {
    const [hosts, hostDns] = await Promise.all([
      readHostTemplate('/etc/hosts', signal),
      hostResolvConf(plan.namespaces.ownNetwork, (path) => readHostTemplate(path, signal)),
    ]);
    const resolvConf = renderResolvConf(plan.config.dnsConfig, hostDns);
    writeFileSync(directory.file('hostname'), `${plan.hostname}\n`, { mode: 0o644 });
    writeFileSync(directory.file('hosts'), hosts, { mode: 0o644 });
    writeFileSync(directory.file('resolv.conf'), resolvConf, { mode: 0o644 });
  },
  release() {},
};
