/** Every resource by its name in `plan/resources.ts`. */
import type { AppResourceName, PodResourceName } from '../plan/resources.ts';
import { app } from './app.ts';
import { appDirectory } from './app-directory.ts';
import { cgroup } from './cgroup.ts';
import { directory } from './directory.ts';
import { document } from './document.ts';
import { files } from './files.ts';
import { interfaceSysctls } from './interface-sysctls.ts';
import { layers } from './layers.ts';
import { netns } from './netns.ts';
import { network } from './network.ts';
import { supervisor } from './supervisor.ts';
import type { AppResource, PodResource } from './types.ts';
import { userns } from './userns.ts';

export const podResourceOf: Readonly<Record<PodResourceName, PodResource>> = {
  directory,
  cgroup,
  userns,
  netns,
  network,
  supervisor,
  files,
  'interface-sysctls': interfaceSysctls,
};

export const appResourceOf: Readonly<Record<AppResourceName, AppResource>> = {
  directory: appDirectory,
  layers,
  document,
  app,
};
