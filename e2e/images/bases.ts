import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Entry, Tree } from './tree.ts';

const debs = fileURLToPath(new URL('../../build/debs', import.meta.url));

/** `shadow` lines beside root's, www-data's and nobody's. */
export interface Accounts {
  readonly users?: readonly string[];
  readonly groups?: readonly string[];
}

/**
 * Debian's busybox, the dynamic one: its shell *executes* its applets, while busybox-static's runs them itself, and a
 * masked `/bin/ls` would go unnoticed. Applets are hard links, as in the image of that name.
 */
export function busybox(accounts: Accounts = {}): Tree {
  const tree = new Tree()
    .directory('root', { mode: 0o700 })
    .directory('tmp', { mode: 0o1777 })
    .directory('run')
    .directory('var/spool/mail')
    .directory('home')
    .symlink('var/run', '/run')
    .file('etc/passwd', passwd(accounts.users ?? []))
    .file('etc/group', group(accounts.groups ?? []))
    .file('etc/shadow', 'root:*::0:::::\n', { mode: 0o640 })
    .program('bin/busybox', '/usr/bin/busybox');
  const real = ['pgrep', 'ipcs'];
  const applets = execFileSync('busybox', ['--list'], { encoding: 'utf8' }).trim().split('\n');
  for (const applet of applets) {
    if (applet !== 'busybox' && !real.includes(applet)) tree.hardlink(`bin/${applet}`, 'bin/busybox');
  }
  for (const name of real) tree.program(`bin/${name}`, `/usr/bin/${name}`);
  return tree;
}

function passwd(users: readonly string[]): string {
  const lines = [
    'root:x:0:0:root:/root:/bin/sh',
    'daemon:x:1:1:daemon:/usr/sbin:/bin/false',
    'www-data:x:33:33:www-data:/var/www:/bin/false',
    'nobody:x:65534:65534:nobody:/home:/bin/false',
    ...users,
  ];
  return `${lines.join('\n')}\n`;
}

function group(groups: readonly string[]): string {
  const lines = ['root:x:0:', 'daemon:x:1:', 'www-data:x:33:', 'nogroup:x:65534:', ...groups];
  return `${lines.join('\n')}\n`;
}

/** nginx in the foreground, on one port, with a shell beside it. */
export function nginx(port: number): Tree {
  return busybox()
    .program('usr/sbin/nginx', join(debs, 'nginx/usr/sbin/nginx'))
    .directory('var/lib/nginx')
    .directory('var/log/nginx')
    .file('usr/share/nginx/html/index.html', '<html><body><h1>nginx says hello</h1></body></html>\n')
    .file('etc/nginx/mime.types', 'types { text/html html; }\n')
    .file(
      'etc/nginx/nginx.conf',
      `user www-data;
worker_processes 1;
pid /var/run/nginx.pid;
error_log stderr notice;
events { worker_connections 64; }
http {
  include mime.types;
  access_log off;
  server {
    listen ${port};
    listen [::]:${port};
    root /usr/share/nginx/html;
    index index.html;
  }
}
`,
    );
}

/** Apache's httpd on port 80; its first line names the command line, in which `httpd` occurs. */
export function httpd(): Tree {
  const modules = ['mpm_event', 'authz_core', 'dir'];
  const tree = busybox()
    .program('usr/local/bin/httpd', '/usr/sbin/apache2')
    .directory('var/log/apache2')
    .file('var/www/index.html', '<html><body><h1>It works!</h1></body></html>\n');
  for (const name of modules) {
    const path = `/usr/lib/apache2/modules/mod_${name}.so`;
    tree.program(path.slice(1), path);
  }
  return tree.file(
    'etc/httpd.conf',
    `ServerRoot /usr/lib/apache2
ServerName localhost
${modules.map((name) => `LoadModule ${name}_module modules/mod_${name}.so`).join('\n')}
User www-data
Group www-data
Listen 80
PidFile /var/run/httpd.pid
DefaultRuntimeDir /var/run
DocumentRoot /var/www
DirectoryIndex index.html
ErrorLog /proc/self/fd/2
LogLevel notice
`,
  );
}

/** A static program out of a few lines of C, as the only file of an image but for /tmp. */
export function staticProgram(path: string, source: string, entry: Partial<Entry> = {}): Tree {
  const work = mkdtempSync(join(tmpdir(), 'gantry-image-'));
  try {
    const output = join(work, 'program');
    writeFileSync(`${output}.c`, source);
    execFileSync('gcc', ['-static', '-Os', '-s', '-Wl,--build-id=none', '-o', output, `${output}.c`]);
    return new Tree().directory('tmp', { mode: 0o1777 }).program(path, output, entry);
  } finally {
    rmSync(work, { recursive: true });
  }
}

/** Every `.ts` file of this folder: what the images are made of, beside Debian's packages. */
export function ownSources(): string[] {
  const here = fileURLToPath(new URL('.', import.meta.url));
  return readdirSync(here)
    .filter((name) => name.endsWith('.ts'))
    .sort()
    .map((name) => join(here, name));
}
