/** Pressure stall information (Linux, Documentation/accounting/psi.rst). */
export interface Pressure {
  readonly some: PressureLine;
  readonly full: PressureLine;
}

export interface PressureLine {
  /** Microseconds. */
  readonly total: bigint;
  /** Per cent of the last 10, 60 and 300 seconds. */
  readonly average10: number;
  readonly average60: number;
  readonly average300: number;
}

const none: PressureLine = { total: 0n, average10: 0, average60: 0, average300: 0 };

/** Undefined where the kernel keeps none. cpu.pressure of the root and of older kernels has no line `full`. */
export function parsePressure(text: string | undefined): Pressure | undefined {
  const some = text === undefined ? undefined : parseLine(text, 'some');
  if (text === undefined || some === undefined) return undefined;
  return { some, full: parseLine(text, 'full') ?? none };
}

function parseLine(text: string, kind: string): PressureLine | undefined {
  const line = new RegExp(`^${kind} avg10=([\\d.]+) avg60=([\\d.]+) avg300=([\\d.]+) total=(\\d+)`, 'm').exec(
    text,
  );
  if (line === null) return undefined;
  const [, average10 = '0', average60 = '0', average300 = '0', total = '0'] = line;
  return {
    total: BigInt(total),
    average10: Number(average10),
    average60: Number(average60),
    average300: Number(average300),
  };
}
