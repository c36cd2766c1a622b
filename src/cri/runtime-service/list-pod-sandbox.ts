import type { ListPodSandboxRequest, ListPodSandboxResponseInit } from '../../cri-types/index.ts';
import type { Rpc } from '../context.ts';
import { encodedSandboxes } from '../encoded.ts';
import { filterSandboxes } from '../filters.ts';
import { visibleSandboxes } from '../visible.ts';

export const listPodSandbox: Rpc<ListPodSandboxRequest, ListPodSandboxResponseInit> = async (
  { pods },
  { filter },
) => ({
  items: await encodedSandboxes(filterSandboxes(visibleSandboxes(pods), filter)),
});
