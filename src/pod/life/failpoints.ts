/** Every failpoint of a pod's life, in the order of the steps: a test walks through them. One behind each resource is automatic. */
import { type AppResourceName, appResources, type PodResourceName } from '../plan/resources.ts';

const podMade: readonly PodResourceName[] = [
  'directory',
  'cgroup',
  'userns',
  'netns',
  'network',
  'supervisor',
  'files',
  'interface-sysctls',
];
const podStopped: readonly PodResourceName[] = ['supervisor', 'network', 'netns', 'userns'];
const podRemoved: readonly PodResourceName[] = ['cgroup', 'directory'];
const appMade = appResources().flat() as AppResourceName[];

const pod = (names: readonly string[]): string[] => names.map((name) => `pod/${name}`);
const app = (names: readonly string[]): string[] => names.map((name) => `app/${name}`);
/** Before a release, and behind it: nothing of it is done, or all of it and nobody knows. */
const around = (names: readonly string[]): string[] =>
  names.flatMap((name) => [`${name}/release`, `${name}/released`]);

export const failpoints = {
  runPodSandbox: [...pod(podMade), 'pod/nri', 'pod/commit'],
  createContainer: [...app(appMade), 'app/nri', 'app/barrier', 'app/commit'],
  stopPodSandbox: pod(around(podStopped)),
  removePodSandbox: pod(around(podRemoved)),
  removeContainer: app(around(appMade.toReversed())),
} as const;
