/** Starts a pod's stage1 and waits until it is ready: the contract's "Launch". */
import { closeSync, openSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { GantryError, native, nativeExecutable } from '../base/index.ts';
import { Stage1Client } from './client.ts';
import { ControlConnection } from './connection.ts';
import type { Flavor } from './manifest.ts';
import type { Stage1Event } from './protocol.ts';
import { Stage1Error } from './wire-error.ts';

export interface LaunchRequest {
  readonly flavor: Flavor;
  /** Holds `pod.json`, and gets `stage1.log`. */
  readonly podDirectory: string;
  /** The descriptor of the pod's lock; stays the caller's, who closes it when stage1 has its own copy. */
  readonly lockFd: number;
  /** Milliseconds until a stage1 that says nothing is killed. */
  readonly deadline: number;
  /** The pod's own cgroup, below each hierarchy's mount point. In v2 stage1 is born there; '' leaves all to stage1. */
  readonly cgroupPath: string;
  /** Where stage1 must be placed before it goes on (systemd); absent: it places itself. */
  readonly place?: (pid: number) => Promise<void>;
  readonly onEvent: (event: Stage1Event) => void;
}

export interface Launched {
  readonly client: Stage1Client;
  readonly pid: number;
  /** PID 1 of a shared pid namespace; 0 without one. */
  readonly sandboxPid: number;
}

/** What stage1 is given of the environment: nothing that the server's own could leak into a pod. */
const environment = ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'];

/**
 * Resolves when stage1 has said PodReady. On any error the process has been killed and reaped, and nothing of it is left but
 * what its cgroup may hold.
 */
export async function launch(request: LaunchRequest): Promise<Launched> {
  const { pid, connection } = spawnStage1(request);
  const client = new Stage1Client(connection);
  const child: Child = { pid, reaped: false, placing: Promise.resolve() };
  void reapWhenGone(child, client.closed);
  try {
    const sandboxPid = await ready(client, child, request);
    client.listen(request.onEvent);
    return { client, pid, sandboxPid };
  } catch (error) {
    client.close();
    killQuietly(child);
    throw error;
  }
}

/** Our child. Its number is nobody else's until we reap it. */
interface Child {
  readonly pid: number;
  reaped: boolean;
  /** While somebody is given the number. */
  placing: Promise<void>;
}

function spawnStage1(request: LaunchRequest): { pid: number; connection: ControlConnection } {
  const addon = native();
  const stderr = openSync(join(request.podDirectory, 'stage1.log'), 'a', 0o600);
  const [ours, theirs] = addon.socketPair();
  const birth = birthplace(request.cgroupPath);
  try {
    const program = nativeExecutable('gantry-stage1');
    const options = { 'pod-dir': request.podDirectory, 'lock-fd': 3, 'control-fd': 4, ...birth.options };
    const words = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
    const fds = [-1, -1, stderr, request.lockFd, theirs];
    const pid = addon.spawn([program, 'run', ...words], environment, fds, birth.fd, pinned(program));
    return { pid, connection: ControlConnection.adopt(ours) };
  } catch (error) {
    addon.closeFd(ours);
    throw error;
  } finally {
    addon.closeFd(theirs);
    closeSync(stderr);
    if (birth.fd >= 0) addon.closeFd(birth.fd);
  }
}

/**
 * The v2 cgroup that stage1 is born in: to be moved there later would make it wait for the whole host. Where it cannot be
 * made, or is not new (a process born where something was killed is killed by some kernels), stage1 sees to it, and tells.
 */
function birthplace(cgroupPath: string): { fd: number; options: Readonly<Record<string, number>> } {
  const nowhere = { fd: -1, options: {} };
  if (cgroupPath === '') return nowhere;
  try {
    const made = native().makeUnifiedCgroup(cgroupPath);
    if (made === undefined) return nowhere;
    const options = { 'made-parents': made.newParents };
    if (made.isNew) return { fd: made.fd, options };
    native().closeFd(made.fd);
    return { fd: -1, options };
  } catch {
    return nowhere;
  }
}

let pin: { readonly path: string; readonly ino: number; readonly fd: number } | undefined;

/**
 * stage1's file in a read-only mount, where stage1 would first of all go by itself; one for all pods. Made anew when the file
 * was replaced. -1 where the host cannot have it.
 */
function pinned(path: string): number {
  const { ino } = statSync(path);
  if (pin?.path === path && pin.ino === ino) return pin.fd;
  if (pin !== undefined && pin.fd >= 0) native().closeFd(pin.fd);
  pin = { path, ino, fd: pinOrNot(path) };
  return pin.fd;
}

function pinOrNot(path: string): number {
  try {
    return native().pinExecutable(path);
  } catch {
    return -1; // Linux before 5.12: stage1 copies itself
  }
}

function ready(client: Stage1Client, child: Child, request: LaunchRequest): Promise<number> {
  return new Promise((resolve, reject) => {
    const fail = (error: unknown): void => {
      clearTimeout(timer);
      reject(error instanceof Error ? error : new Error(String(error)));
    };
    const timer = setTimeout(
      () => fail(launchError('deadline-exceeded', `did not become ready in ${request.deadline} ms`, request)),
      request.deadline,
    );
    client.listen((event) => {
      if (event.podReady !== undefined) {
        clearTimeout(timer);
        resolve(event.podReady.sandboxPid);
      } else if (event.podFailed !== undefined) {
        fail(
          event.podFailed.error === null || event.podFailed.error === undefined
            ? launchError('internal', 'failed without saying why', request)
            : new Stage1Error(event.podFailed.error),
        );
      } else if (event.hello !== undefined && request.place !== undefined) {
        child.placing = request.place(child.pid);
        child.placing.then(() => client.continuePod()).catch(fail);
      } else if (event.warning !== undefined) {
        request.onEvent(event);
      }
    });
    void client.closed.then(() => fail(launchError('internal', 'ended before the pod was ready', request)));
  });
}

function launchError(
  code: 'internal' | 'deadline-exceeded',
  what: string,
  request: LaunchRequest,
): GantryError {
  return new GantryError({
    code,
    operation: 'launch stage1',
    subject: request.podDirectory,
    message: `stage1 ${what}${lastWords(request)}`,
  });
}

/** What it wrote to standard error: the pod directory, with its log, is about to go. */
function lastWords({ podDirectory }: LaunchRequest): string {
  try {
    const text = readFileSync(join(podDirectory, 'stage1.log'), 'utf8').trim();
    return text === '' ? ', without a word' : `: ${text.slice(-1000)}`;
  } catch {
    return '';
  }
}

/**
 * stage1 is our child until this server ends: looked after from the moment that its connection is gone, which it may outlive.
 */
async function reapWhenGone(child: Child, closed: Promise<void>): Promise<void> {
  await closed;
  await child.placing.catch(() => undefined);
  for (let wait = 1; ; wait = Math.min(wait * 2, 5_000)) {
    try {
      child.reaped = native().reap(child.pid) !== undefined;
      if (child.reaped) return;
    } catch {
      child.reaped = true;
      return; // not our child any more
    }
    await new Promise((resolve) => setTimeout(resolve, wait).unref());
  }
}

/** Whoever has its number after it was reaped is left alone. */
function killQuietly({ pid, reaped }: Child): void {
  if (reaped) return;
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It was gone already, which is what is wanted.
  }
}
