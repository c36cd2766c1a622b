/** How the ends of containers get into their records, live and afterwards. */
import type { AppState, ExitRecord } from '../../stage1/index.ts';
import { readExitRecord } from '../../stage1/index.ts';
import { type EventBus, eventOf } from '../model/events.ts';
import type { ContainerEvent, ContainerState } from '../model/record.ts';
import type { Container, Sandbox } from '../store/sandbox.ts';

/** Who hears of it. */
export interface ExitSink {
  readonly events: EventBus;
}

type Exited = Extract<ContainerState, { kind: 'exited' }>;

/** What CRI calls the end of a container. Pure. */
export function exitReason(exitCode: number, oomKilled: boolean): string {
  if (oomKilled) return 'OOMKilled';
  return exitCode === 0 ? 'Completed' : 'Error';
}

/** To whoever listens: the pod's own event, or one of a container's. */
export function publish(
  { events }: ExitSink,
  type: ContainerEvent['type'],
  sandbox: Sandbox,
  container?: Container,
): void {
  const containers = [...sandbox.containers.values()].map(({ record }) => record);
  events.publish(eventOf(type, sandbox.record, containers, container?.id));
}

/** Idempotent: stage1's event and its answer to Start may come in either order. */
export function markStarted(sink: ExitSink, container: Container, pid: number, startedAt: bigint): void {
  if (container.state.kind !== 'created') return;
  container.advance({ kind: 'running', pid, startedAt });
  publish(sink, 'started', container.sandbox, container);
}

/** Idempotent: the first account of an end stays. */
export function markExited(sink: ExitSink, container: Container, exit: Omit<Exited, 'kind'>): void {
  const { kind } = container.state;
  if (kind !== 'created' && kind !== 'running') return;
  // It ran and ended before we heard that it had started: both are told, in order.
  if (kind === 'created' && exit.startedAt > 0n) markStarted(sink, container, 0, exit.startedAt);
  container.advance({ kind: 'exited', ...exit });
  publish(sink, 'stopped', container.sandbox, container);
}

/** What stage1 says of an app, applied to its container: at an event, at a Stop's answer, at adoption. */
export function applyAppState(sink: ExitSink, container: Container, app: AppState): void {
  if (app.phase === 'RUNNING') {
    markStarted(sink, container, app.pid, app.startedAt);
  } else if (app.phase === 'EXITED') {
    markExited(sink, container, {
      startedAt: app.startedAt,
      finishedAt: app.finishedAt,
      exitCode: app.exitCode,
      reason: exitReason(app.exitCode, app.oomKilled),
      message: '',
    });
  }
}

/** The same for several; those that have no container here are passed over. */
export function applyAppStates(sink: ExitSink, sandbox: Sandbox, apps: readonly AppState[]): void {
  for (const app of apps) {
    const container = sandbox.containers.get(app.appId);
    if (container !== undefined) applyAppState(sink, container, app);
  }
}

/**
 * The end of a container whose stage1 is gone, when all its processes are: by its exit record, or unknown. `when` is the time
 * that stands for an unknown one.
 */
export function accountForLost(sink: ExitSink, container: Container, when: bigint, why: string): void {
  const record = readRecordQuietly(container);
  markExited(sink, container, lostExit(container.state, record, when, why));
}

/** Pure. */
export function lostExit(
  state: ContainerState,
  record: ExitRecord | undefined,
  when: bigint,
  why: string,
): Omit<Exited, 'kind'> {
  const known = state.kind === 'running' ? state.startedAt : 0n;
  const startedAt = record !== undefined && record.startedAt > 0n ? record.startedAt : known;
  if (record?.phase === 'EXITED') {
    const { finishedAt, exitCode, oomKilled } = record;
    return { startedAt, finishedAt, exitCode, reason: exitReason(exitCode, oomKilled), message: '' };
  }
  return { startedAt, finishedAt: when, exitCode: 137, reason: 'ContainerStatusUnknown', message: why };
}

function readRecordQuietly(container: Container): ExitRecord | undefined {
  try {
    return readExitRecord(container.sandbox.directory.exitRecord(container.id));
  } catch {
    return undefined; // unreadable says as much as absent: nothing
  }
}
