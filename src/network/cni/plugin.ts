/** Runs one plug-in (CNI specification, section 2: environment, JSON on stdin, result or error on stdout). */
import { spawn } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { join } from 'node:path';
import { type ErrorCode, GantryError } from '../../base/index.ts';

export type CniCommand = 'ADD' | 'DEL' | 'STATUS' | 'GC' | 'VERSION';

export interface PluginCall {
  readonly command: CniCommand;
  readonly type: string;
  readonly binDirs: readonly string[];
  /** CNI_CONTAINERID and the like; CNI_COMMAND and CNI_PATH are added. */
  readonly env: Readonly<Record<string, string>>;
  readonly config: unknown;
  /** Inherited as descriptor 3: a lock that says that the plug-in, or a child of it, still runs. */
  readonly lockFd?: number;
  readonly signal: AbortSignal;
}

const MAXIMUM_OUTPUT = 4 * 1024 * 1024;
const MAXIMUM_STDERR = 4096;

/** The first executable file of that name in the directories of CNI_PATH. */
export function findPlugin(type: string, binDirs: readonly string[]): string {
  for (const directory of binDirs) {
    const path = join(directory, type);
    try {
      accessSync(path, constants.X_OK);
      if (statSync(path).isFile()) return path;
    } catch {
      // Not here: look on.
    }
  }
  throw new GantryError({
    code: 'failed-precondition',
    operation: 'find CNI plug-in',
    subject: type,
    message: `CNI plug-in "${type}" is in none of ${binDirs.join(', ')}; install it there or set --cni-bin-dir`,
  });
}

/** Runs the plug-in and returns what it printed. Aborting kills it with everything that it started, and waits for that. */
export async function runPlugin(call: PluginCall): Promise<string> {
  const path = findPlugin(call.type, call.binDirs);
  call.signal.throwIfAborted();
  const ended = await execute(path, call);
  if (call.signal.aborted) throw interrupted(call);
  if (ended.code === 0 && !ended.overflow) return ended.stdout;
  throw failure(call, ended);
}

interface Ended {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly overflow: boolean;
}

function execute(path: string, call: PluginCall): Promise<Ended> {
  const { promise, resolve, reject } = Promise.withResolvers<Ended>();
  const child = spawn(path, [], {
    // A group of its own, so that an IPAM plug-in that it started dies with it.
    detached: true,
    cwd: '/',
    env: { ...process.env, ...call.env, CNI_COMMAND: call.command, CNI_PATH: call.binDirs.join(':') },
    stdio: call.lockFd === undefined ? ['pipe', 'pipe', 'pipe'] : ['pipe', 'pipe', 'pipe', call.lockFd],
  });
  const stdout: Buffer[] = [];
  let size = 0;
  let stderr = '';
  const kill = (): void => killGroup(child.pid);
  call.signal.addEventListener('abort', kill, { once: true });
  child.stdout?.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size > MAXIMUM_OUTPUT) kill();
    else stdout.push(chunk);
  });
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr = (stderr + chunk.toString()).slice(-MAXIMUM_STDERR);
  });
  // A plug-in may end without reading its input.
  child.stdin?.on('error', () => undefined);
  child.stdin?.end(JSON.stringify(call.config));
  // What a plug-in leaves running must not hold up the call by holding its pipes.
  child.on('exit', () => setTimeout(() => destroy(child), 500).unref());
  child.on('error', (error) => {
    call.signal.removeEventListener('abort', kill);
    reject(
      new GantryError({ ...describe(call), code: 'internal', message: `cannot start ${path}`, cause: error }),
    );
  });
  child.on('close', (code, signal) => {
    call.signal.removeEventListener('abort', kill);
    resolve({
      code,
      signal,
      stdout: Buffer.concat(stdout).toString(),
      stderr: stderr.trim(),
      overflow: size > MAXIMUM_OUTPUT,
    });
  });
  return promise;
}

function destroy(child: ReturnType<typeof spawn>): void {
  child.stdout?.destroy();
  child.stderr?.destroy();
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended already.
  }
}

function describe(call: PluginCall): { operation: string; subject: string } {
  return { operation: `CNI ${call.command}`, subject: call.type };
}

function interrupted(call: PluginCall): GantryError {
  const timedOut = call.signal.reason instanceof Error && call.signal.reason.name === 'TimeoutError';
  return new GantryError({
    ...describe(call),
    code: timedOut ? 'deadline-exceeded' : 'cancelled',
    message: `CNI plug-in "${call.type}" did not finish ${call.command} in time and was killed`,
    cause: call.signal.reason,
  });
}

/** Section 5, "Error": codes below 100 are the specification's. */
const codes: Readonly<Record<number, ErrorCode>> = {
  1: 'failed-precondition',
  2: 'failed-precondition',
  3: 'not-found',
  7: 'failed-precondition',
  11: 'unavailable',
  50: 'unavailable',
  51: 'unavailable',
};

function failure(call: PluginCall, ended: Ended): GantryError {
  const report = parseError(ended.stdout);
  const reason = ended.overflow
    ? 'it printed more than 4 MiB'
    : (report?.text ?? (ended.stderr || ended.stdout.trim().slice(0, 1000) || endedHow(ended)));
  return new GantryError({
    ...describe(call),
    code: (report && codes[report.code]) ?? 'internal',
    message: `CNI plug-in "${call.type}" failed (${call.command}): ${reason}`,
  });
}

function endedHow(ended: Ended): string {
  return ended.signal === null ? `exit code ${ended.code}` : `killed by ${ended.signal}`;
}

function parseError(stdout: string): { code: number; text: string } | undefined {
  try {
    const value = JSON.parse(stdout) as { code?: unknown; msg?: unknown; details?: unknown };
    if (typeof value.msg !== 'string') return undefined;
    const details = typeof value.details === 'string' && value.details !== '' ? `; ${value.details}` : '';
    return { code: Number(value.code), text: `${value.msg}${details}` };
  } catch {
    return undefined;
  }
}
