import type { StreamContainersRequest, StreamContainersResponseInit } from '../../cri-types/index.ts';
import { chunks } from '../chunks.ts';
import type { StreamRpc } from '../context.ts';
import { encodedContainers } from '../encoded.ts';
import { filterContainers } from '../filters.ts';
import { visibleContainers } from '../visible.ts';

export const streamContainers: StreamRpc<StreamContainersRequest, StreamContainersResponseInit> =
  async function* ({ pods }, { filter }) {
    for (const part of chunks(filterContainers(visibleContainers(pods), filter))) {
      yield { containers: await encodedContainers(part) };
    }
  };
