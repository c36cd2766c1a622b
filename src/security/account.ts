import type { LinuxContainerSecurityContext } from '../cri-types/index.ts';
import { invalid } from './errors.ts';
import type { ContainerAccount } from './types.ts';

interface PasswdEntry {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

interface GroupEntry {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

/** Of the image's root; '' where the image has no such file. */
export interface AccountFiles {
  readonly passwd: string;
  readonly group: string;
}

/** runc refuses more than a signed 32-bit number; so does everything above it. */
const largestId = 0x7fff_ffff;

/**
 * Whom the container runs as: `run_as_username` or `run_as_user`, else the image's user; `run_as_group`, else the
 * user's own group in the image's /etc/passwd, else 0. With the policy Merge the user's groups in /etc/group come on top
 * of `supplemental_groups`; with Strict only the latter count.
 */
export function resolveAccount(
  security: LinuxContainerSecurityContext | undefined,
  imageUser: string,
  files: AccountFiles,
): ContainerAccount {
  const asked = requestedUser(security, imageUser);
  const users = parsePasswd(files.passwd);
  const groups = parseGroup(files.group);
  const number = asked.user === '' ? 0 : parseId(asked.user, 'uid');
  const entry = users.find((u) => (number === undefined ? u.name === asked.user : u.uid === number));
  const uid = number ?? entry?.uid;
  if (uid === undefined) throw invalid(asked.user, `user '${asked.user}' is not in the image's /etc/passwd`);
  const gid = asked.group === '' ? (entry?.gid ?? 0) : resolveGroup(asked.group, groups);
  const supplemental = (security?.supplementalGroups ?? []).map((g) => checkedId(Number(g), 'gid', `${g}`));
  const merged =
    security?.supplementalGroupsPolicy === 'Strict' ? [] : groupsOf(entry?.name ?? asked.user, groups);
  const additionalGids = [...new Set([gid, ...merged, ...supplemental])].sort((a, b) => a - b);
  return { uid, gid, additionalGids, home: entry?.home ?? '' };
}

function requestedUser(
  security: LinuxContainerSecurityContext | undefined,
  imageUser: string,
): { user: string; group: string } {
  const user = security?.runAsUsername || security?.runAsUser?.value.toString() || '';
  const group = security?.runAsGroup?.value.toString() ?? '';
  if (user !== '') return { user, group };
  if (group !== '') throw invalid('run_as_group', 'run_as_group needs run_as_user or run_as_username');
  const [name = '', ownGroup = '', ...more] = imageUser.split(':');
  if (more.length > 0) throw invalid(imageUser, `the image's user '${imageUser}' is not USER or USER:GROUP`);
  return { user: name, group: ownGroup };
}

function resolveGroup(asked: string, groups: readonly GroupEntry[]): number {
  const gid = parseId(asked, 'gid') ?? groups.find((g) => g.name === asked)?.gid;
  if (gid === undefined) throw invalid(asked, `group '${asked}' is not in the image's /etc/group`);
  return gid;
}

/** Every group that lists the user, but the one of the user's own name (it is the primary group by convention). */
function groupsOf(user: string, groups: readonly GroupEntry[]): number[] {
  return groups.filter((g) => g.name !== user && g.members.includes(user)).map((g) => g.gid);
}

function parseId(text: string, kind: 'uid' | 'gid'): number | undefined {
  return /^[-+]?\d+$/.test(text) ? checkedId(Number(text), kind, text) : undefined;
}

function checkedId(id: number, kind: 'uid' | 'gid', text: string): number {
  if (id < 0 || id > largestId) throw invalid(text, `${kind} ${text} is out of range (0 to ${largestId})`);
  return id;
}

/**
 * passwd(5). Lines that make no sense are passed over, as the C library does. It passes over those without a group too,
 * but images have such lines, written by hand: as for runc their group is 0.
 */
function parsePasswd(text: string): PasswdEntry[] {
  return lines(text).flatMap(([name = '', , uid = '', gid = '', , home = '']) =>
    name !== '' && isNumber(uid) && (gid === '' || isNumber(gid))
      ? [{ name, uid: Number(uid), gid: Number(gid), home }]
      : [],
  );
}

/** group(5). */
function parseGroup(text: string): GroupEntry[] {
  return lines(text).flatMap(([name = '', , gid = '', members = '']) =>
    name !== '' && isNumber(gid)
      ? [{ name, gid: Number(gid), members: members.split(',').map((m) => m.trim()) }]
      : [],
  );
}

function lines(text: string): string[][] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split(':'));
}

function isNumber(text: string): boolean {
  return /^\d{1,10}$/.test(text) && Number(text) <= largestId;
}
