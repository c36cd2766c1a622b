import type { AttachRequest, AttachResponse } from '../../cri-types/index.ts';
import { attachSession, requireRunning } from '../../pod/index.ts';
import type { Rpc } from '../context.ts';
import { checkStreams } from '../stream-selection.ts';

/** The URL under which one client may join the streams of a running container, once, within a minute. */
export const attach: Rpc<AttachRequest, AttachResponse> = async ({ pods, life, streaming }, request) => {
  const container = pods.requireContainerObject(request.containerId);
  // What the container was made with decides: without a terminal of its own there is none to attach to.
  const tty = container.record.config.tty;
  const streams = checkStreams('attach', { ...request, tty, stderr: request.stderr && !tty });
  requireRunning(container, 'attach');
  const url = streaming.url({
    kind: 'attach',
    streams,
    async run(io) {
      await attachSession(life, container, tty, io);
      return 0;
    },
  });
  return { url };
};
