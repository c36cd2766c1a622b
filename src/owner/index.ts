import type { Owner, Owners } from '../pod/index.ts';
import { cliOwner } from './cli.ts';
import { criOwner } from './cri.ts';

export { cliOwner, criOwner };

const owners: ReadonlyMap<string, Owner> = new Map([criOwner, cliOwner].map((owner) => [owner.name, owner]));

/** An owner of another release is treated like the command line: its pods are its own supervisor's, and shown to nobody. */
export const ownerNamed: Owners = (name) => owners.get(name) ?? cliOwner;
