/** The connection to systemd's manager over D-Bus: made at the first call, and again at the next one after it was lost. */
import { existsSync } from 'node:fs';
import { type BusValue, GantryError, type NativeBus, native } from '../../base/index.ts';

const destination = 'org.freedesktop.systemd1';
const managerPath = '/org/freedesktop/systemd1';
const managerInterface = 'org.freedesktop.systemd1.Manager';

/** What is listened for; others of the manager's are many. */
const signals = ['JobRemoved', 'Reloading'];

/** systemd's own socket, for root alone: there also while the bus is down. */
const privateSocket = '/run/systemd/private';
const systemBus = '/run/dbus/system_bus_socket';

/** Milliseconds that the manager gets to answer a call; jobs have a deadline of their own. */
const callTimeout = 25_000;

/** Where to connect: an address of the D-Bus specification, and whether a message bus is there. */
export interface BusAddress {
  readonly address: string;
  readonly isBus: boolean;
}

/**
 * In the order to try them: the bus (DBUS_SYSTEM_BUS_ADDRESS names another one, as for every D-Bus client), then systemd's own
 * socket.
 */
export function managerAddresses(): BusAddress[] {
  const named = process.env['DBUS_SYSTEM_BUS_ADDRESS'] ?? '';
  return [
    { address: named === '' ? `unix:path=${systemBus}` : named, isBus: true },
    ...(existsSync(privateSocket) ? [{ address: `unix:path=${privateSocket}`, isBus: false }] : []),
  ];
}

/** A signal of the manager: its name and arguments. */
export type SignalListener = (member: string, values: readonly BusValue[]) => void;

export class ManagerBus {
  readonly #addresses: () => readonly BusAddress[];
  readonly #listeners = new Set<SignalListener>();
  readonly #losses = new Set<(reason: Error) => void>();
  #bus: Promise<NativeBus> | undefined;
  /** The same, once it is there. */
  #current: NativeBus | undefined;

  constructor(addresses: () => readonly BusAddress[] = managerAddresses) {
    this.#addresses = addresses;
  }

  /** Calls a method of org.freedesktop.systemd1.Manager. Errors: unavailable without a connection; else systemd's own words. */
  async call(
    member: string,
    signature: string,
    values: readonly BusValue[],
    timeout = callTimeout,
  ): Promise<BusValue[]> {
    const bus = await this.#connected();
    try {
      return await bus.call(destination, managerPath, managerInterface, member, signature, values, timeout);
    } catch (cause) {
      throw failure(member, cause);
    }
  }

  /** A property of the manager. Errors: as for call. */
  async property(name: string): Promise<BusValue | undefined> {
    const bus = await this.#connected();
    try {
      const properties = 'org.freedesktop.DBus.Properties';
      const names = [managerInterface, name];
      return (await bus.call(destination, managerPath, properties, 'Get', 'ss', names, callTimeout))[0];
    } catch (cause) {
      throw failure(`Get ${name}`, cause);
    }
  }

  /** From now on, until what it returns is called. The connection's loss is told by `onLost`. */
  listen(onSignal: SignalListener, onLost: (reason: Error) => void): () => void {
    this.#listeners.add(onSignal);
    this.#losses.add(onLost);
    return () => {
      this.#listeners.delete(onSignal);
      this.#losses.delete(onLost);
    };
  }

  /** Whoever waits is told that the connection is lost. */
  async close(): Promise<void> {
    const bus = await this.#bus?.catch(() => undefined);
    bus?.close();
  }

  #connected(): Promise<NativeBus> {
    this.#bus ??= this.#connect().catch((error: unknown) => {
      this.#bus = undefined;
      throw error;
    });
    return this.#bus;
  }

  /** Errors: the first address's. */
  async #connect(): Promise<NativeBus> {
    const failures: GantryError[] = [];
    for (const { address, isBus } of this.#addresses()) {
      try {
        this.#current = await this.#connectTo(address, isBus);
        return this.#current;
      } catch (cause) {
        failures.push(unreachable(address, cause));
      }
    }
    throw failures[0] ?? unreachable('', new Error('there is no address'));
  }

  async #connectTo(address: string, isBus: boolean): Promise<NativeBus> {
    const { Bus } = native();
    const bus: NativeBus = new Bus(address, isBus, this.#onSignal, (reason) => this.#onClosed(bus, reason));
    if (!isBus) return bus;
    // Signals of a bus are for those who ask for them, and systemd sends none before somebody has subscribed.
    const busName = 'org.freedesktop.DBus';
    try {
      for (const member of signals) {
        const rule = `type='signal',sender='${destination}',path='${managerPath}',interface='${managerInterface}',member='${member}'`;
        await bus.call(busName, '/org/freedesktop/DBus', busName, 'AddMatch', 's', [rule], callTimeout);
      }
      await bus.call(destination, managerPath, managerInterface, 'Subscribe', '', [], callTimeout);
    } catch (error) {
      bus.close();
      throw error;
    }
    return bus;
  }

  readonly #onSignal = (_path: string, interfaceName: string, member: string, values: BusValue[]): void => {
    if (interfaceName !== managerInterface) return;
    for (const listener of [...this.#listeners]) listener(member, values);
  };

  #onClosed(bus: NativeBus, reason: Error): void {
    // One that was tried and did not answer has nobody who waits.
    if (bus !== this.#current) return;
    this.#current = undefined;
    this.#bus = undefined;
    for (const onLost of [...this.#losses]) onLost(reason);
  }
}

/** D-Bus' own name of an error, such as org.freedesktop.systemd1.UnitExists; '' for any other error. */
export function busErrorOf(error: unknown): string {
  const cause = error instanceof GantryError ? error.cause : error;
  const name = (cause as { busError?: unknown } | undefined)?.busError;
  return typeof name === 'string' ? name : '';
}

function failure(member: string, cause: unknown): GantryError {
  const {
    code = '',
    busError = '',
    message = '',
  } = cause as { code?: string; busError?: string; message?: string };
  const lost = busError === '' || code === 'ETIMEDOUT';
  return new GantryError({
    code: code === 'ETIMEDOUT' ? 'deadline-exceeded' : lost ? 'unavailable' : 'internal',
    operation: 'ask systemd',
    subject: member,
    message: lost ? `systemd did not answer ${member}: ${message}` : `systemd refused ${member}: ${message}`,
    cause,
  });
}

function unreachable(address: string, cause: unknown): GantryError {
  return new GantryError({
    code: 'unavailable',
    operation: 'connect to systemd',
    subject: address,
    message: `systemd cannot be reached at ${address}: ${(cause as Error).message}; with cgroup-driver = "systemd" it must be this host's init`,
    cause,
  });
}
