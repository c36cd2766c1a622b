/** Reads an app's exit record: two checksummed slots in one file (docs/stage1-contract.md, "The exit record"). */
import { readFileSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { errno } from '../base/index.ts';
import type { AppPhase } from './protocol.ts';

export const EXIT_RECORD_SIZE = 8192;
const SLOT_SIZE = 512;
const SLOT_OFFSETS = [0, 4096] as const;
const MAGIC = Buffer.from('GANTRYX1');
const phases: readonly AppPhase[] = ['APP_PHASE_UNSPECIFIED', 'BARRIER', 'CREATED', 'RUNNING', 'EXITED'];

export interface ExitRecord {
  readonly sequence: bigint;
  readonly phase: AppPhase;
  readonly exitCode: number;
  readonly signal: number;
  readonly pid: number;
  /** Nanoseconds since the epoch; 0n: not yet. */
  readonly createdAt: bigint;
  readonly startedAt: bigint;
  readonly finishedAt: bigint;
  readonly restarts: number;
  readonly oomKilled: boolean;
  /** Every process of the app is gone and `oomKilled` is settled. */
  readonly final: boolean;
  /** Of `pid`, clock ticks since boot; 0n: unknown. */
  readonly startTicks: bigint;
  /** As /proc/sys/kernel/random/boot_id has it. */
  readonly bootId: string;
}

/** The newest valid slot, or undefined: the record says nothing. Pure. */
export function parseExitRecord(bytes: Buffer): ExitRecord | undefined {
  let newest: ExitRecord | undefined;
  for (const offset of SLOT_OFFSETS) {
    const slot = bytes.subarray(offset, offset + SLOT_SIZE);
    const record = parseSlot(slot);
    if (record !== undefined && (newest === undefined || record.sequence > newest.sequence)) newest = record;
  }
  return newest;
}

/** Undefined too when there is no file. Errors: those of reading it. */
export function readExitRecord(path: string): ExitRecord | undefined {
  try {
    return parseExitRecord(readFileSync(path));
  } catch (error) {
    if (errno(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function parseSlot(slot: Buffer): ExitRecord | undefined {
  if (slot.length < SLOT_SIZE || !slot.subarray(0, 8).equals(MAGIC)) return undefined;
  if (crc32(slot.subarray(0, 508)) !== slot.readUInt32LE(508)) return undefined;
  const flags = slot.readUInt32LE(60);
  return {
    sequence: slot.readBigUInt64LE(8),
    phase: phases[slot.readUInt32LE(16)] ?? 'APP_PHASE_UNSPECIFIED',
    exitCode: slot.readInt32LE(20),
    signal: slot.readInt32LE(24),
    pid: slot.readInt32LE(28),
    createdAt: slot.readBigInt64LE(32),
    startedAt: slot.readBigInt64LE(40),
    finishedAt: slot.readBigInt64LE(48),
    restarts: slot.readUInt32LE(56),
    oomKilled: (flags & 1) !== 0,
    final: (flags & 2) !== 0,
    startTicks: slot.readBigUInt64LE(64),
    bootId: dashed(slot.subarray(72, 88).toString('hex')),
  };
}

function dashed(hex: string): string {
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
