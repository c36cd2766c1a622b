/** One plug-in: its connection, its name, what it wants to hear of. */
import type { Duplex } from 'node:stream';
import { describeError, errorCode, GantryError, version } from '../base/index.ts';
import {
  ALL_EVENTS,
  type EventName,
  isSubscribed,
  type RequestOf,
  type ResponseOf,
  stateChanges,
  wireEvent,
} from './events.ts';
import type { Event, MessageInits, Messages } from './generated/messages.ts';
import { plugin as methods } from './generated/schema.ts';
import { Mux, PLUGIN_SERVICE, RUNTIME_SERVICE } from './mux.ts';
import { RemoteError, RpcClient, serveRpc, UNIMPLEMENTED } from './rpc.ts';
import { decode, encode } from './wire.ts';

const PACKAGE = 'nri.pkg.api.v1alpha1';
/** Of the interface that this speaks; plug-ins look at it to know what the runtime can do. */
const NRI_VERSION = 'v0.12.0';

export interface PluginIdentity {
  /** Two digits. */
  readonly index: string;
  readonly name: string;
}

export interface PluginHooks {
  /** A plug-in's own request; the answer. */
  updateContainers(
    plugin: string,
    request: Messages['UpdateContainersRequest'],
  ): Promise<MessageInits['UpdateContainersResponse']>;
}

/** Milliseconds. */
export interface Timeouts {
  readonly registration: number;
  readonly request: number;
}

/** A plug-in that answered nothing usable: it is gone, and the event goes on without it. */
export const GONE = Symbol('gone');

export class Plugin {
  readonly #mux: Mux;
  readonly #rpc: RpcClient;
  readonly #timeouts: Timeouts;
  #identity: PluginIdentity | undefined;
  #events = ALL_EVENTS;
  #onlyStateChange = new Set<EventName>();
  #closed = false;

  private constructor(mux: Mux, timeouts: Timeouts) {
    this.#mux = mux;
    this.#timeouts = timeouts;
    this.#rpc = new RpcClient(mux, PLUGIN_SERVICE);
    void mux.closed.then(() => {
      this.#closed = true;
    });
  }

  /**
   * A connection becomes a plug-in: it registers (one that was started here has its identity already) and is configured. Errors:
   * deadline-exceeded, unavailable, invalid-argument for what it says of itself; the connection is closed then.
   */
  static async accept(
    socket: Duplex,
    timeouts: Timeouts,
    hooks: PluginHooks,
    started?: PluginIdentity & { readonly config: string },
  ): Promise<Plugin> {
    const plugin = new Plugin(new Mux(socket), timeouts);
    try {
      await plugin.#registered(hooks, started);
      await plugin.#configure(started?.config ?? '');
      return plugin;
    } catch (error) {
      plugin.close(describeError(error));
      throw error;
    }
  }

  get index(): string {
    return this.#identity?.index ?? '';
  }

  get baseName(): string {
    return this.#identity?.name ?? '';
  }

  /** `10-name`. */
  get name(): string {
    return `${this.index}-${this.baseName}`;
  }

  get isOpen(): boolean {
    return !this.#closed;
  }

  /** Settles when the connection is gone, with the reason if there is one. */
  get closed(): Promise<Error | undefined> {
    return this.#mux.closed;
  }

  wants(event: EventName): boolean {
    return this.isOpen && isSubscribed(this.#events, event);
  }

  /** Idempotent. */
  close(reason?: string): void {
    this.#closed = true;
    this.#mux.close(reason === undefined ? undefined : new Error(reason));
  }

  /**
   * Tells it of an event it wants; the answer, or GONE for one that did not answer in time or not understandably, whose
   * connection is closed then. Errors: unknown, with what the plug-in says.
   */
  async tell<E extends EventName>(event: E, request: RequestOf<E>): Promise<ResponseOf<E> | typeof GONE> {
    try {
      return await this.#tell(event, request);
    } catch (error) {
      if (error instanceof RemoteError) throw this.#refusal(event, error);
      if (errorCode(error) === 'resource-exhausted') throw error;
      this.close(describeError(error));
      return GONE;
    }
  }

  async #tell<E extends EventName>(event: E, request: RequestOf<E>): Promise<ResponseOf<E>> {
    const empty = (): ResponseOf<E> => decode(methods[event].response, Buffer.alloc(0)) as ResponseOf<E>;
    if (this.#onlyStateChange.has(event)) {
      await this.#stateChange(event, request);
      return empty();
    }
    try {
      return (await this.call(event, request as never)) as unknown as ResponseOf<E>;
    } catch (error) {
      if (!(error instanceof RemoteError) || error.code !== UNIMPLEMENTED) throw error;
      if (!stateChanges.has(event)) return empty(); // older than this event
      this.#onlyStateChange.add(event);
      await this.#stateChange(event, request);
      return empty();
    }
  }

  async #stateChange(event: EventName, request: object): Promise<void> {
    await this.call('StateChange', { ...request, event: wireEvent(event) as Event });
  }

  /** Errors: RpcClient.call's. `timeout` in milliseconds. */
  async call<M extends keyof typeof methods>(
    method: M,
    request: MessageInits[(typeof methods)[M]['request']],
    timeout = this.#timeouts.request,
  ): Promise<Messages[(typeof methods)[M]['response']]> {
    const types: { readonly request: keyof Messages; readonly response: keyof Messages } = methods[method];
    const payload = encode(types.request, request as never);
    const answer = await this.#rpc.call(`${PACKAGE}.Plugin`, method, payload, timeout);
    return decode(types.response, answer) as Messages[(typeof methods)[M]['response']];
  }

  #registered(hooks: PluginHooks, started: PluginIdentity | undefined): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const { registration } = this.#timeouts;
    const timer = setTimeout(() => {
      const message = `it did not register within ${registration} ms`;
      reject(new GantryError({ code: 'deadline-exceeded', operation: 'register NRI plug-in', message }));
    }, registration);
    void this.closed.then((cause) => {
      const message = 'its connection was closed before it had registered';
      reject(new GantryError({ code: 'unavailable', operation: 'register NRI plug-in', message, cause }));
    });
    serveRpc(this.#mux, RUNTIME_SERVICE, `${PACKAGE}.Runtime`, {
      RegisterPlugin: async (payload) => {
        try {
          this.#register(decode('RegisterPluginRequest', payload), started);
          resolve();
        } catch (error) {
          // The answer goes first, then the connection.
          setImmediate(() => reject(error));
          throw error;
        }
        return encode('Empty', {});
      },
      UpdateContainers: async (payload) => {
        if (this.#identity === undefined)
          throw badIdentity('', 'it asks for updates before it has registered');
        const request = decode('UpdateContainersRequest', payload);
        return encode('UpdateContainersResponse', await hooks.updateContainers(this.name, request));
      },
    });
    return promise.finally(() => clearTimeout(timer));
  }

  #register(request: Messages['RegisterPluginRequest'], started: PluginIdentity | undefined): void {
    if (this.#identity !== undefined) throw badIdentity(this.name, 'it has registered before');
    const { index, name } = started ?? { index: request.pluginIdx, name: request.pluginName };
    checkIdentity(index, name);
    this.#identity = { index, name };
  }

  async #configure(config: string): Promise<void> {
    const { registration, request } = this.#timeouts;
    const { events } = await this.call('Configure', {
      config,
      runtimeName: 'gantry',
      runtimeVersion: version,
      registrationTimeout: registration,
      requestTimeout: request,
      NRIVersion: NRI_VERSION,
    });
    const unknown = events & ~ALL_EVENTS;
    if (unknown !== 0) {
      throw badIdentity(
        this.name,
        `it subscribes to events that are not known here (0x${unknown.toString(16)})`,
      );
    }
    this.#events = events === 0 ? ALL_EVENTS : events;
  }

  #refusal(event: EventName, error: RemoteError): GantryError {
    return new GantryError({
      code: 'unknown',
      operation: 'call NRI plug-in',
      subject: this.name,
      message: `NRI plug-in "${this.name}" refused ${event}: ${error.message}`,
    });
  }
}

/** Errors: invalid-argument. */
export function checkIdentity(index: string, name: string): void {
  if (!/^[0-9]{2}$/.test(index)) throw badIdentity(name, `its index is "${index}" and must be two digits`);
  if (!/^[\w.+-]+$/.test(name)) {
    throw badIdentity(name, 'its name must be made of letters, digits and any of _ . + -');
  }
}

function badIdentity(name: string, why: string): GantryError {
  return new GantryError({
    code: 'invalid-argument',
    operation: 'register NRI plug-in',
    subject: name,
    message: `NRI plug-in "${name}" is not accepted: ${why}`,
  });
}
