import type { ContainerFilter, PodSandboxFilter } from '../cri-types/index.ts';
import type { ContainerRecord, SandboxRecord } from '../pod/index.ts';
import { containerState, sandboxState } from './states.ts';

/** Those members that the filters of lists and of statistics have in common. Everything that is set must match. */
type SandboxFilter = Pick<PodSandboxFilter, 'id' | 'labelSelector'> &
  Partial<Pick<PodSandboxFilter, 'state'>>;
type AnyContainerFilter = Pick<ContainerFilter, 'id' | 'podSandboxId' | 'labelSelector'> &
  Partial<Pick<ContainerFilter, 'state'>>;

/** Newest first. An ID may be the start of one. */
export function filterSandboxes(
  all: readonly SandboxRecord[],
  filter: SandboxFilter | undefined,
): SandboxRecord[] {
  return newestFirst(
    all.filter(
      (sandbox) =>
        filter === undefined ||
        (sandbox.id.startsWith(filter.id) &&
          (filter.state === undefined || filter.state.state === sandboxState(sandbox)) &&
          matchesLabels(sandbox.config.labels, filter.labelSelector)),
    ),
  );
}

/** Newest first. IDs may be the start of one. */
export function filterContainers(
  all: readonly ContainerRecord[],
  filter: AnyContainerFilter | undefined,
): ContainerRecord[] {
  return newestFirst(
    all.filter(
      (container) =>
        filter === undefined ||
        (container.id.startsWith(filter.id) &&
          container.sandboxId.startsWith(filter.podSandboxId) &&
          (filter.state === undefined || filter.state.state === containerState(container)) &&
          matchesLabels(container.config.labels, filter.labelSelector)),
    ),
  );
}

function matchesLabels(
  labels: Readonly<Record<string, string>>,
  selector: Readonly<Record<string, string>>,
): boolean {
  return Object.entries(selector).every(
    ([key, value]) => Object.hasOwn(labels, key) && labels[key] === value,
  );
}

function newestFirst<R extends SandboxRecord | ContainerRecord>(records: R[]): R[] {
  return records.sort((a, b) => (a.createdAt < b.createdAt ? 1 : a.createdAt > b.createdAt ? -1 : 0));
}
