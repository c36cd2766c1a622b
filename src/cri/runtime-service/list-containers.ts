import type { ListContainersRequest, ListContainersResponseInit } from '../../cri-types/index.ts';
import type { Rpc } from '../context.ts';
import { encodedContainers } from '../encoded.ts';
import { filterContainers } from '../filters.ts';
import { visibleContainers } from '../visible.ts';

export const listContainers: Rpc<ListContainersRequest, ListContainersResponseInit> = async (
  { pods },
  { filter },
) => ({
  containers: await encodedContainers(filterContainers(visibleContainers(pods), filter)),
});
