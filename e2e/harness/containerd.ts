import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Daemon } from './daemon.ts';
import { programs } from './paths.ts';

export interface ContainerdOptions {
  /** Everything of it lives below. */
  readonly directory: string;
  readonly hostsDir: string;
  readonly cniConfDir: string;
}

export interface Containerd {
  readonly daemon: Daemon;
  readonly socket: string;
}

/** containerd with runc as a CRI server, as a node would have it: the reference that the tests are proven on. */
export function containerd(options: ContainerdOptions): Containerd {
  const { directory } = options;
  mkdirSync(directory, { recursive: true });
  const socket = join(directory, 'containerd.sock');
  const config = join(directory, 'config.toml');
  writeFileSync(config, configuration(options, socket));
  const daemon = new Daemon({
    argv: [programs.containerd, '--config', config],
    // The shim and runc are found by PATH.
    env: { PATH: `${programs.tools}:${process.env['PATH'] ?? ''}` },
    logFile: join(directory, 'log'),
    socket,
  });
  return { daemon, socket };
}

function configuration({ directory, hostsDir, cniConfDir }: ContainerdOptions, socket: string): string {
  return `version = 3
root = "${directory}/root"
state = "${directory}/state"
disabled_plugins = ["io.containerd.nri.v1.nri", "io.containerd.snapshotter.v1.erofs", "io.containerd.differ.v1.erofs"]
[grpc]
  address = "${socket}"
[plugins."io.containerd.cri.v1.images"]
  [plugins."io.containerd.cri.v1.images".pinned_images]
    sandbox = "gantry.test/peer/pause:1"
  [plugins."io.containerd.cri.v1.images".registry]
    config_path = "${hostsDir}"
[plugins."io.containerd.cri.v1.runtime"]
  restrict_oom_score_adj = true
  [plugins."io.containerd.cri.v1.runtime".cni]
    bin_dirs = ["${programs.cniBin}"]
    conf_dir = "${cniConfDir}"
  [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
      SystemdCgroup = false
      Root = "${directory}/runc"
[plugins."io.containerd.internal.v1.opt"]
  path = "${directory}/opt"
`;
}
