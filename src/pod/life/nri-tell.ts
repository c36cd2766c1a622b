/** What NRI's plug-ins are told of pods and containers, at which step. */
import { type Nri, noNri } from '../../nri/index.ts';
import type { Container, Sandbox } from '../store/sandbox.ts';

interface NriHost {
  readonly nri: Nri;
}

/** The pod is about to be ready, and nobody sees it yet. Errors: a plug-in's refusal. */
export async function tellPodRun(host: NriHost, sandbox: Sandbox, pid: number): Promise<void> {
  if (host.nri === noNri) return;
  sandbox.patch({ pid });
  await host.nri.runPodSandbox(sandbox.id);
}

/** The containers before their pod; each once. */
export async function tellPodStopped(host: NriHost, sandbox: Sandbox): Promise<void> {
  if (host.nri === noNri) return;
  for (const container of sandbox.containers.values()) await tellContainerStopped(host, container);
  await host.nri.stopPodSandbox(sandbox.id);
}

/** For one that has ended; nothing for any other. */
export async function tellContainerStopped(host: NriHost, container: Container): Promise<void> {
  if (container.state.kind === 'exited') await host.nri.stopContainer(container.id);
}
