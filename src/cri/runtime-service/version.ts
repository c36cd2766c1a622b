import { version as release } from '../../base/index.ts';
import type { VersionRequest, VersionResponseInit } from '../../cri-types/index.ts';
import type { Rpc } from '../context.ts';

/** The kubelet's version of the interface, which has never changed. */
const kubeletApiVersion = '0.1.0';

export const version: Rpc<VersionRequest, VersionResponseInit> = async () => ({
  version: kubeletApiVersion,
  runtimeName: 'gantry',
  runtimeVersion: release,
  runtimeApiVersion: 'v1',
});
