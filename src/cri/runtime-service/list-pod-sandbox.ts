import type { ListPodSandboxRequest, ListPodSandboxResponseInit } from '../../cri-types/index.ts';
import type { Rpc } from '../context.ts';
import { filterSandboxes } from '../filters.ts';
import { toPodSandbox } from '../status-builders.ts';
import { visibleSandboxes } from '../visible.ts';

export const listPodSandbox: Rpc<ListPodSandboxRequest, ListPodSandboxResponseInit> = async (
  { pods },
  { filter },
) => ({
  items: filterSandboxes(visibleSandboxes(pods), filter).map(toPodSandbox),
});
