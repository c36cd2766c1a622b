import { GantryError } from '../../base/index.ts';
import type { ExecRequest, ExecResponse } from '../../cri-types/index.ts';
import { execSession, requireRunning } from '../../pod/index.ts';
import type { Rpc } from '../context.ts';
import { checkStreams } from '../stream-selection.ts';

/** The URL under which one client may run the command with its streams, once, within a minute. Nothing runs before that. */
export const exec: Rpc<ExecRequest, ExecResponse> = async ({ pods, life, streaming }, request) => {
  const container = pods.requireContainerObject(request.containerId);
  const { cmd, tty } = request;
  if (cmd.length === 0) {
    throw new GantryError({
      code: 'invalid-argument',
      operation: 'exec',
      subject: container.id,
      message: 'the command is empty; name a program',
    });
  }
  const streams = checkStreams('exec', request);
  requireRunning(container, 'exec');
  const url = streaming.url({
    kind: 'exec',
    streams,
    run: (io) => execSession(life, container, { cmd, tty }, io),
  });
  return { url };
};
