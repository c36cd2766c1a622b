import { GantryError } from '../base/index.ts';
import type { ContainerUpdate, ContainerUpdateInit, LinuxResourcesInit } from './generated/messages.ts';
import { Owners } from './owners.ts';
import { claimResources, overlay } from './resources.ts';

interface Update {
  readonly resources: LinuxResourcesInit;
  readonly ignoreFailure: boolean;
}

/** What plug-ins want of containers other than the one that an event is about, and in an update of that one too. */
export class Updates {
  readonly #owners = new Map<string, Owners>();
  readonly #updates = new Map<string, Update>();
  readonly #creating: string;

  /** `creating`: the container that no update may be asked of, because it does not exist yet; '' for none. */
  constructor(creating = '') {
    this.#creating = creating;
  }

  /** The container under update begins with what was asked for. */
  begin(containerId: string, resources: LinuxResourcesInit): void {
    this.#updates.set(containerId, { resources, ignoreFailure: false });
  }

  /** Errors: failed-precondition for contradicting plug-ins, unless the update says that failures do not matter. */
  merge(plugin: string, wanted: readonly ContainerUpdate[]): void {
    for (const update of wanted) {
      if (update.containerId === this.#creating) {
        throw new GantryError({
          code: 'failed-precondition',
          operation: 'merge NRI updates',
          subject: update.containerId,
          message: `NRI plug-in "${plugin}" asks for an update of container ${update.containerId} while it is being created; that is what an adjustment is for`,
        });
      }
      this.#mergeOne(plugin, update);
    }
  }

  #mergeOne(plugin: string, { containerId, linux, ignoreFailure }: ContainerUpdate): void {
    const before = this.#updates.get(containerId);
    const wanted = linux?.resources;
    if (wanted === undefined) return;
    try {
      claimResources(this.#ownersOf(containerId), plugin, wanted);
    } catch (error) {
      if (ignoreFailure) return;
      throw error;
    }
    this.#updates.set(containerId, {
      resources: overlay(before?.resources ?? {}, wanted),
      ignoreFailure: (before?.ignoreFailure ?? true) && ignoreFailure,
    });
  }

  #ownersOf(containerId: string): Owners {
    let owners = this.#owners.get(containerId);
    if (owners === undefined) {
      owners = new Owners();
      this.#owners.set(containerId, owners);
    }
    return owners;
  }

  /** Somebody has asked for something of this container. */
  concerns(containerId: string): boolean {
    return this.#owners.has(containerId);
  }

  resourcesOf(containerId: string): LinuxResourcesInit | undefined {
    return this.#updates.get(containerId)?.resources;
  }

  /** All but `except`'s. */
  list(except = ''): ContainerUpdateInit[] {
    return [...this.#updates]
      .filter(([id]) => id !== except)
      .map(([containerId, { resources, ignoreFailure }]) => ({
        containerId,
        linux: { resources },
        ignoreFailure,
      }));
  }
}
