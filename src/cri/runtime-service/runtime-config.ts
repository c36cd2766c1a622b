import type { RuntimeConfigRequest, RuntimeConfigResponseInit } from '../../cri-types/index.ts';
import type { Rpc } from '../context.ts';

/** The kubelet takes the cgroup driver from here, so that the two never disagree. */
export const runtimeConfig: Rpc<RuntimeConfigRequest, RuntimeConfigResponseInit> = async ({ config }) => ({
  linux: { cgroupDriver: config.cgroupDriver === 'systemd' ? 'SYSTEMD' : 'CGROUPFS' },
});
