import type { OciResources } from '../../base/index.ts';
import type { UnitProperty } from './unit-property.ts';

type Rule = NonNullable<OciResources['devices']>[number];

/** What is allowed after the rules were read in their order; `all`: everything. */
interface Access {
  all: boolean;
  /** "c 1:3", "c 136:*", "b *:*" → letters. */
  readonly allowed: Map<string, Set<string>>;
}

/**
 * OCI's list of rules, where a later one wins, as systemd's list of what is allowed. Pure. Lists that cannot be said so
 * (everything but one device, one minor number of every major) give `auto`, and stage1's own rules hold alone.
 */
export function deviceProperties(rules: readonly Rule[]): UnitProperty[] {
  const access = rules.length === 0 ? undefined : resolve(rules);
  if (access === undefined || access.all) return policy('auto', []);
  const entries = [...access.allowed].map(([key, letters]) => [node(key), inOrder(letters)] as const);
  if (entries.some(([name]) => name === undefined)) return policy('auto', []);
  return policy(
    'strict',
    entries.flatMap(([name, letters]) => (name === undefined || letters === '' ? [] : [[name, letters]])),
  );
}

function policy(name: 'auto' | 'strict', allowed: [string, string][]): UnitProperty[] {
  return [
    { name: 'DevicePolicy', type: 's', value: name },
    { name: 'DeviceAllow', type: 'a(ss)', value: allowed },
  ];
}

/** Undefined where a refusal takes a part out of something that stays allowed. */
function resolve(rules: readonly Rule[]): Access | undefined {
  const access: Access = { all: true, allowed: new Map() };
  for (const rule of rules) {
    if (rule.type === undefined || rule.type === 'a') {
      access.all = rule.allow;
      access.allowed.clear();
    } else if (rule.allow) {
      const letters = access.allowed.get(keyOf(rule)) ?? new Set();
      for (const letter of rule.access ?? 'rwm') letters.add(letter);
      access.allowed.set(keyOf(rule), letters);
    } else {
      if (access.all || overlapsAnother(access, rule)) return undefined;
      for (const letter of rule.access ?? 'rwm') access.allowed.get(keyOf(rule))?.delete(letter);
    }
  }
  return access;
}

function keyOf({ type, major, minor }: Rule): string {
  return `${type} ${part(major)}:${part(minor)}`;
}

function part(number: number | undefined): string {
  return number === undefined || number < 0 ? '*' : String(number);
}

/** Whether something else that is allowed has devices in common with what is refused. */
function overlapsAnother(access: Access, rule: Rule): boolean {
  const own = keyOf(rule);
  const meets = (a: string, b: string): boolean => a === b || a === '*' || b === '*';
  return [...access.allowed.keys()].some((key) => {
    if (key === own || key[0] !== rule.type) return false;
    const [major = '', minor = ''] = key.slice(2).split(':');
    return meets(major, part(rule.major)) && meets(minor, part(rule.minor));
  });
}

/** As systemd.resource-control(5) names devices; by number, for whatever is not there now. Undefined: it has no name for it. */
function node(key: string): string | undefined {
  const kind = key[0] === 'b' ? 'block' : 'char';
  const [major = '', minor = ''] = key.slice(2).split(':');
  if (minor !== '*') return major === '*' ? undefined : `/dev/${kind}/${major}:${minor}`;
  return `${kind}-${major}`;
}

function inOrder(letters: ReadonlySet<string>): string {
  return [...'rwm'].filter((letter) => letters.has(letter)).join('');
}
