//! Where the programs, the portal's files and the browser are.

import { accessSync, constants, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { leftover } from './leftover.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const target = process.env.CARGO_TARGET_DIR ?? join(root, 'target');
const built = (name) => join(target, 'debug', process.platform === 'win32' ? `${name}.exe` : name);

export const SERVER = process.env.REEVE_BIN ?? built('reeve');
export const AGENT = process.env.REEVE_AGENT_BIN ?? built('reeve-agent');
export const UPDATER = process.env.REEVE_UPDATER_BIN ?? built('reeve-updater');
/** `reeve-release`; made with `cargo build -p release`. Only the tests of releases need it. */
export const RELEASE_TOOL = process.env.REEVE_RELEASE_BIN ?? built('reeve-release');
export const SITE = process.env.REEVE_SITE_ROOT ?? join(target, 'site');
export const BROWSER = process.env.REEVE_BROWSER ?? firstOf(['chromium', 'chromium-browser', 'google-chrome']);
/** Screenshots and the like; not under version control. */
export const OUT = fileURLToPath(new URL('../out', import.meta.url));
export const DOCS = join(root, 'docs');

for (const [file, how] of [
  [SERVER, 'cargo build -p server'],
  [AGENT, 'cargo build -p agent'],
  [UPDATER, 'cargo build -p updater'],
  [join(SITE, 'pkg'), 'cargo xtask build'],
]) {
  if (!existsSync(file)) throw new Error(`${file} is missing; make it with \`${how}\``);
}

function firstOf(names) {
  const folders = (process.env.PATH ?? '').split(':').concat('/usr/bin');
  const found = names.flatMap((name) => folders.map((folder) => join(folder, name))).find(isProgram);
  if (!found) throw new Error(`none of ${names.join(', ')} is installed; name a browser in REEVE_BROWSER`);
  return found;
}

function isProgram(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** A fresh folder, and what removes it. */
export function temporaryFolder(purpose) {
  const folder = mkdtempSync(join(tmpdir(), `reeve-${purpose}-`));
  const tidy = () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  const isTidy = leftover(tidy);
  const remove = () => {
    tidy();
    isTidy();
  };
  return { folder, remove };
}

/** The environment of programs under test: nothing of this process that could change how they behave. */
export function plainEnvironment(extra = {}) {
  const kept = ['PATH', 'HOME', 'TMPDIR', 'LANG', 'RUST_BACKTRACE', 'SSL_CERT_FILE'];
  const pairs = kept.filter((name) => name in process.env).map((name) => [name, process.env[name]]);
  return { ...Object.fromEntries(pairs), ...extra };
}
