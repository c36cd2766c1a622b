import type { Nri } from './types.ts';

const nothing = (): Promise<void> => Promise.resolve();

/** NRI switched off. */
export const noNri: Nri = {
  start: nothing,
  close: nothing,
  runPodSandbox: nothing,
  updatePodSandbox: nothing,
  postUpdatePodSandbox: nothing,
  stopPodSandbox: nothing,
  removePodSandbox: nothing,
  createContainer: (_containerId, spec) => Promise.resolve(spec),
  postCreateContainer: nothing,
  startContainer: (_containerId, start) => start(),
  updateContainer: () => Promise.resolve(undefined),
  postUpdateContainer: nothing,
  stopContainer: nothing,
  removeContainer: nothing,
};
