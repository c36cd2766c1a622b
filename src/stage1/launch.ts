/** Starts a pod's stage1 and waits until it is ready: the contract's "Launch". */
import { closeSync, openSync, readFileSync } from 'node:fs';
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
  void reapWhenGone(pid, client.closed);
  try {
    const sandboxPid = await ready(client, pid, request);
    client.listen(request.onEvent);
    return { client, pid, sandboxPid };
  } catch (error) {
    client.close();
    killQuietly(pid);
    throw error;
  }
}

function spawnStage1(request: LaunchRequest): { pid: number; connection: ControlConnection } {
  const addon = native();
  const stderr = openSync(join(request.podDirectory, 'stage1.log'), 'a', 0o600);
  const [ours, theirs] = addon.socketPair();
  try {
    const argv = [
      nativeExecutable('gantry-stage1'),
      'run',
      '--pod-dir',
      request.podDirectory,
      '--lock-fd',
      '3',
      '--control-fd',
      '4',
    ];
    const pid = addon.spawn(argv, environment, [-1, -1, stderr, request.lockFd, theirs]);
    return { pid, connection: ControlConnection.adopt(ours) };
  } catch (error) {
    addon.closeFd(ours);
    throw error;
  } finally {
    addon.closeFd(theirs);
    closeSync(stderr);
  }
}

function ready(client: Stage1Client, pid: number, request: LaunchRequest): Promise<number> {
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
        request
          .place(pid)
          .then(() => client.continuePod())
          .catch(fail);
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
async function reapWhenGone(pid: number, closed: Promise<void>): Promise<void> {
  await closed;
  for (let wait = 1; ; wait = Math.min(wait * 2, 5_000)) {
    try {
      if (native().reap(pid) !== undefined) return;
    } catch {
      return; // not our child any more
    }
    await new Promise((resolve) => setTimeout(resolve, wait).unref());
  }
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It was gone already, which is what is wanted.
  }
}
