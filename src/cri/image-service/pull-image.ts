import type { AuthConfig, PullImageRequest, PullImageResponseInit } from '../../cri-types/index.ts';
import type { RegistryAuth } from '../../image/index.ts';
import type { Rpc } from '../context.ts';

/** Returns the image's ID: the same that every other call shows. */
export const pullImage: Rpc<PullImageRequest, PullImageResponseInit> = async (
  { images },
  { image, auth },
  { signal },
) => {
  const credentials = toRegistryAuth(auth);
  const options = { signal, ...(credentials === undefined ? {} : { auth: credentials }) };
  const record = await images.pull(image?.image ?? '', options);
  return { imageRef: record.id };
};

/** Members that say nothing are left out; with none left the pull is anonymous. */
function toRegistryAuth(auth: AuthConfig | undefined): RegistryAuth | undefined {
  const { username, password, auth: basic, identityToken, registryToken, serverAddress } = auth ?? {};
  if (!username && !basic && !identityToken && !registryToken) return undefined;
  return {
    ...(username ? { username, password: password ?? '' } : {}),
    ...(basic ? { auth: basic } : {}),
    ...(identityToken ? { identityToken } : {}),
    ...(registryToken ? { registryToken } : {}),
    ...(serverAddress ? { serverAddress } : {}),
  };
}
