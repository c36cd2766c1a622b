import type { UpdateRuntimeConfigRequest, UpdateRuntimeConfigResponseInit } from '../../cri-types/index.ts';
import type { Rpc } from '../context.ts';

/** The node's pod CIDRs: the built-in network takes addresses from them. Nothing given changes nothing. */
export const updateRuntimeConfig: Rpc<UpdateRuntimeConfigRequest, UpdateRuntimeConfigResponseInit> = async (
  { network },
  request,
) => {
  const cidr = request.runtimeConfig?.networkConfig?.podCidr ?? '';
  if (cidr !== '') await network.setPodCidr(cidr);
  return {};
};
