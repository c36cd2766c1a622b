/**
 * The two state machines, as tables (README.md has the diagram). A transition that is not in its table is a bug of ours
 * or two calls that met: it is refused, never a silent overwrite.
 */
import { GantryError } from '../../base/index.ts';
import type { ContainerState, SandboxState } from './record.ts';

export const sandboxTransitions: Readonly<Record<SandboxState['kind'], readonly SandboxState['kind'][]>> = {
  creating: ['ready', 'removing'],
  // notready again: network torn down later than the processes ended.
  ready: ['notready'],
  notready: ['notready', 'removing'],
  // A removal that failed half-way is begun again.
  removing: ['removing'],
};

export const containerTransitions: Readonly<
  Record<ContainerState['kind'], readonly ContainerState['kind'][]>
> = {
  creating: ['created', 'removing'],
  // exited: the pod ended before the start, or the start failed.
  created: ['running', 'exited', 'removing'],
  running: ['exited'],
  // exited again: the final account (OOM) may follow the first.
  exited: ['exited', 'removing'],
  removing: ['removing'],
};

/** Returns `next`. Errors: internal, naming object and both states, when the table does not know the step. */
export function advance<State extends SandboxState | ContainerState>(
  what: 'sandbox' | 'container',
  id: string,
  from: State,
  next: State,
): State {
  const table: Readonly<Record<string, readonly string[]>> =
    what === 'sandbox' ? sandboxTransitions : containerTransitions;
  if (table[from.kind]?.includes(next.kind)) return next;
  throw new GantryError({
    code: 'internal',
    operation: 'change state',
    subject: id,
    message: `${what} ${id} cannot go from ${from.kind} to ${next.kind}`,
  });
}
