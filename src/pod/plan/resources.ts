/** Of which resources a pod and a container consist, in the order of their making. Pure. */
import type { SandboxRecord } from '../model/record.ts';

export type PodResourceName =
  | 'directory'
  | 'cgroup'
  | 'userns'
  | 'netns'
  | 'network'
  | 'supervisor'
  | 'files'
  | 'interface-sysctls';

export type AppResourceName = 'directory' | 'layers' | 'document' | 'app';

/** One after the other; those of an inner list side by side. */
export type Order<Name extends string> = readonly (Name | readonly Name[])[];

/** What a pod with this record is made of: the resources that it does not claim are left out. */
export function podResources(record: SandboxRecord): Order<PodResourceName> {
  const network = record.netnsPath !== '';
  return [
    'directory',
    ...(record.cgroupPath === '' ? [] : (['cgroup'] as const)),
    ...(record.usernsPath === '' ? [] : (['userns'] as const)),
    ...(network ? (['netns'] as const) : []),
    // Neither needs the other: stage1 starts while plug-ins run and files are written.
    network ? ['network', 'supervisor', 'files'] : ['supervisor', 'files'],
    ...(network ? (['interface-sysctls'] as const) : []),
  ];
}

export function appResources(): Order<AppResourceName> {
  return ['directory', 'layers', 'document', 'app'];
}

/** The last first, one at a time, down to `downTo` and with it. Those side by side are released one by one, too. */
export function backwards<Name extends string>(order: Order<Name>, downTo: NoInfer<Name>): readonly Name[] {
  const all = order.flat().reverse() as Name[];
  return all.slice(0, all.indexOf(downTo) + 1);
}

/**
 * What the host may hold for a pod whose record was found: all that it claims, less what its state says was released. A release
 * that failed comes again, with all that comes after it.
 */
export function heldBy(record: SandboxRecord): Set<PodResourceName> {
  const all = podResources(record).flat() as PodResourceName[];
  const { state, failure } = record;
  const failed = all.indexOf((failure?.step ?? '') as PodResourceName);
  if (failed >= 0) return new Set(all.slice(0, failed + 1));
  if (state.kind !== 'notready') return new Set(all);
  if (state.networkDown) return new Set(all.filter((name) => name === 'directory' || name === 'cgroup'));
  return new Set(all.slice(0, all.indexOf('supervisor')));
}
