/** What the functions of this folder are given: the pods of one root, and the parts of the server that they are made with. */
import type { EventBus } from '../model/events.ts';
import type { Owners } from '../model/owner.ts';
import type { ResourceHost } from '../resource/types.ts';
import type { Names } from '../store/names.ts';
import type { Registry } from '../store/registry.ts';
import type { Retries } from './retries.ts';
import type { Warnings } from './warnings.ts';

export interface Life extends ResourceHost {
  readonly registry: Registry;
  readonly events: EventBus;
  readonly owners: Owners;
  readonly sandboxNames: Names;
  readonly containerNames: Names;
  readonly retries: Retries;
  readonly warnings: Warnings;
  /** Aborts when the server ends; the pods run on. */
  readonly closing: AbortSignal;
  /** What start-up left to be done in the background: dead pods' networks. Never rejects. */
  settled: Promise<void>;
}
