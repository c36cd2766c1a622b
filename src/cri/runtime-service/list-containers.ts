import type { ListContainersRequest, ListContainersResponseInit } from '../../cri-types/index.ts';
import type { Rpc } from '../context.ts';
import { filterContainers } from '../filters.ts';
import { toContainer } from '../status-builders.ts';
import { visibleContainers } from '../visible.ts';

export const listContainers: Rpc<ListContainersRequest, ListContainersResponseInit> = async (
  { pods },
  { filter },
) => ({
  containers: filterContainers(visibleContainers(pods), filter).map(toContainer),
});
