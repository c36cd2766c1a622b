import type { StreamPodSandboxesRequest, StreamPodSandboxesResponseInit } from '../../cri-types/index.ts';
import { chunks } from '../chunks.ts';
import type { StreamRpc } from '../context.ts';
import { encodedSandboxes } from '../encoded.ts';
import { filterSandboxes } from '../filters.ts';
import { visibleSandboxes } from '../visible.ts';

export const streamPodSandboxes: StreamRpc<StreamPodSandboxesRequest, StreamPodSandboxesResponseInit> =
  async function* ({ pods }, { filter }) {
    for (const part of chunks(filterSandboxes(visibleSandboxes(pods), filter))) {
      yield { podSandboxes: await encodedSandboxes(part) };
    }
  };
