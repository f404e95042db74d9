//! The release workstation: keys, roots, stamped programs and signed manifests, all made with the real `reeve-release`.

import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { AGENT, RELEASE_TOOL, SERVER, UPDATER, plainEnvironment, temporaryFolder } from './paths.mjs';

/** SHA-256 of a file. */
export const sha256 = (file) => createHash('sha256').update(readFileSync(file)).digest('hex');

/** Who holds the keys of a root. */
const HOLDERS = { 'root-a': 'Ada, safe one', 'root-b': 'Bert, safe two', 'root-c': 'sealed, in the bank', sign: 'release workstation', fresh: 'the server' };

/** The public part of a server's key for freshness, which is made; for [`openWorkstation`]. */
export function freshnessKey(server) {
  const asked = ['release', 'freshness-key', '--data-dir', dirname(server.database)];
  const file = join(dirname(server.database), 'freshness.pub');
  writeFileSync(file, execFileSync(SERVER, asked, { encoding: 'utf8', env: plainEnvironment() }));
  return file;
}

/** Which configuration and spool the agent writes, as it says when it is asked before it is put in place. */
function schemas(folder) {
  const asked = ['selfcheck', '--nonce', '0'.repeat(32), '--data-dir', join(folder, 'nobody')];
  const said = JSON.parse(spawnSync(AGENT, asked, { encoding: 'utf8', env: plainEnvironment() }).stdout);
  return ['--config-schema', String(said.config_schema), '--spool-schema', String(said.spool_schema)];
}

/** A workstation with fresh keys and a root of two out of three. `freshness` is the public key of a server that has one. */
export function openWorkstation({ freshness } = {}) {
  if (!existsSync(RELEASE_TOOL)) throw new Error(`${RELEASE_TOOL} is missing; make it with \`cargo build -p release\``);
  const { folder, remove } = temporaryFolder('workstation');
  const at = (name) => join(folder, name);
  const tool = (...args) => execFileSync(RELEASE_TOOL, args, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  for (const [name, holder] of Object.entries(HOLDERS)) tool('keygen', '--out', at(name), '--holder', holder);
  const keys = (role, ...names) => names.flatMap((name) => [`--${role}-key`, at(`${name}.pub`)]);
  const byBoth = ['--key', at('root-a'), '--key', at('root-b')];
  const freshnessKey = freshness ? ['--freshness-key', freshness] : keys('freshness', 'fresh');
  tool('root', 'make', ...keys('root', 'root-a', 'root-b', 'root-c'), '--root-threshold', '2', ...keys('release', 'sign'), ...freshnessKey, ...byBoth, '--out', at('root-1.json'));
  let previous;
  return {
    folder,
    tool,
    root: at('root-1.json'),
    /** What people compare, as the tool says it. */
    get fingerprint() {
      const envelope = JSON.parse(readFileSync(at('root-1.json'), 'utf8'));
      return createHash('sha256').update(Buffer.from(envelope.payload, 'base64')).digest('hex');
    },
    /** The root that follows, good for longer. */
    nextRoot() {
      tool('root', 'rotate', '--from', at('root-1.json'), ...byBoth, '--out', at('root-2.json'));
      return at('root-2.json');
    },
    /** A release: a stamped agent, a stamped updater, and the manifest that names both. */
    release(version, seq, { channel = 'stable', notes = `What is new in ${version}.`, updater = true } = {}) {
      const build = (file, name) => {
        const out = at(`${name}-${version}`);
        tool('stamp', file, '--version', version, '--seq', String(seq), '--build-id', `${name}-${seq}`, '--out', out);
        return out;
      };
      const agent = build(AGENT, 'agent');
      const supervisor = updater ? build(UPDATER, 'updater') : undefined;
      const notesFile = at(`notes-${version}.txt`);
      writeFileSync(notesFile, notes);
      const manifest = at(`manifest-${version}.json`);
      const former = previous ? ['--previous', previous] : ['--first', ...schemas(folder)];
      tool(
        ...['sign', '--root', at('root-1.json'), ...former, '--version', version, '--seq', String(seq), '--channel', channel],
        ...['--agent', agent, ...(supervisor ? ['--supervisor', supervisor] : []), '--notes-file', notesFile],
        ...['--key', at('sign'), '--log', at('releases.log'), '--out', manifest],
      );
      previous = manifest;
      return { version, seq, manifest, agent, updater: supervisor };
    },
    close: remove,
  };
}

/** The beginning of a program for Windows on x86-64, and nothing that runs. */
export function windowsProgram(file) {
  const bytes = Buffer.alloc(4096);
  bytes.write('MZ');
  bytes.writeUInt32LE(128, 0x3c);
  bytes.write('PE\0\0', 128, 'latin1');
  bytes.writeUInt16LE(0x8664, 132);
  bytes.writeUInt16LE(0x22, 150);
  bytes.writeUInt16LE(0x20b, 152);
  writeFileSync(file, bytes);
  return file;
}
