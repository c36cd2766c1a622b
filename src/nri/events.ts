import type { MessageInits, Messages } from './generated/messages.ts';
import { enums, type plugin as methods } from './generated/schema.ts';

/** What a plug-in may subscribe to; the calls Configure, Synchronize and Shutdown come in any case. */
export type EventName = Exclude<
  keyof typeof methods,
  'Configure' | 'Synchronize' | 'Shutdown' | 'StateChange'
>;

export type RequestOf<E extends EventName> = MessageInits[(typeof methods)[E]['request']];
export type ResponseOf<E extends EventName> = Messages[(typeof methods)[E]['response']];

/** `CreateContainer` → the event's name on the wire, `CREATE_CONTAINER`. */
export function wireEvent(name: EventName): (typeof enums.Event)[number] {
  const upper = name.replace(/(?<=[a-z])(?=[A-Z])/g, '_').toUpperCase();
  const found = enums.Event.find((event) => event === upper);
  if (found === undefined) throw new Error(`no event is called ${upper}`);
  return found;
}

const bit = (name: EventName): number => 1 << (enums.Event.indexOf(wireEvent(name)) - 1);

/** Every event's bit. */
export const ALL_EVENTS = (1 << (enums.Event.indexOf('LAST') - 1)) - 1;

export function isSubscribed(mask: number, name: EventName): boolean {
  return (mask & bit(name)) !== 0;
}

/** Events without an answer, which older plug-ins take as StateChange. */
export const stateChanges: ReadonlySet<EventName> = new Set<EventName>([
  'RunPodSandbox',
  'PostUpdatePodSandbox',
  'StopPodSandbox',
  'RemovePodSandbox',
  'PostCreateContainer',
  'StartContainer',
  'PostStartContainer',
  'PostUpdateContainer',
  'RemoveContainer',
]);
