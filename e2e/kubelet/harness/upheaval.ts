import { eventually } from '../../harness/index.ts';
import type { KubeletNode } from './node.ts';

/** Who is killed, with SIGKILL, and started again. */
export type Victim = 'the kubelet' | 'Gantry' | 'both';
export const victims: readonly Victim[] = ['the kubelet', 'Gantry', 'both'];

export async function kill(node: KubeletNode, victim: Victim): Promise<void> {
  const { daemon } = node.world.gantry;
  await Promise.all([
    victim === 'Gantry' ? undefined : node.kubelet.stop('SIGKILL'),
    victim === 'the kubelet' ? undefined : daemon.kill(),
  ]);
}

export async function startAgain(node: KubeletNode, victim: Victim): Promise<void> {
  if (victim !== 'the kubelet') await node.world.gantry.daemon.start();
  if (victim !== 'Gantry') await node.kubelet.start();
}

/**
 * Waits until the kubelet has listed the runtime's pods again and looked at as many of its own as there are, so that
 * whatever it wants to change, it has begun to.
 */
export async function lookedAgain(node: KubeletNode, seconds = 30): Promise<void> {
  const looks = async (): Promise<{ syncs: number; lists: number }> => {
    const text = await node.kubelet.api.text('/metrics').catch(() => '');
    return {
      syncs: metricValue(text, 'kubelet_pod_worker_duration_seconds_count{operation_type="sync"}'),
      lists: metricValue(text, 'kubelet_pleg_relist_duration_seconds_count'),
    };
  };
  const start = await looks();
  const pods = node.kubelet.staticPodNames().length;
  await eventually(
    looks,
    ({ syncs, lists }) => syncs >= start.syncs + pods && lists >= start.lists + 2,
    seconds,
  );
}

function metricValue(text: string, metric: string): number {
  const line = text.split('\n').find((one) => one.startsWith(`${metric} `));
  return line === undefined ? 0 : Number(line.slice(metric.length + 1));
}
