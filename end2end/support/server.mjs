//! The real server on a free port, with data of its own.

import { mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { AGENT, SERVER, SITE, UPDATER, plainEnvironment, temporaryFolder } from './paths.mjs';
import { Program } from './program.mjs';

const OS = { linux: 'linux', darwin: 'macos', win32: 'windows' }[process.platform];
const ARCH = { x64: 'x86_64', arm64: 'aarch64' }[process.arch];

/** Starts `reeve serve`; with `demo` the sample MSP is there, with its people and a token for an agent. */
export async function startServer({ demo = false } = {}) {
  const { folder, remove } = temporaryFolder('server');
  const agents = join(folder, 'agents');
  mkdirSync(agents);
  for (const [file, name] of [
    [AGENT, 'reeve-agent'],
    [UPDATER, 'reeve-updater'],
  ]) {
    symlinkSync(file, join(agents, `${name}-${OS}-${ARCH}`));
  }
  const args = ['serve', '--listen', '127.0.0.1:0', '--data-dir', join(folder, 'data'), '--agents-dir', agents];
  args.push('--site-root', SITE, ...(demo ? ['--demo'] : []));
  const program = new Program('the server', SERVER, args, { cwd: folder, env: plainEnvironment({ REEVE_LOG: 'info' }) });
  const stop = async () => {
    try {
      const code = await program.stop();
      if (code !== 0) throw new Error(`the server ended with ${code}\n${program.output.slice(-4000)}`);
    } finally {
      remove();
    }
  };
  try {
    const [, url, key] = await program.says(/(?:Reeve is at |\n {2})(http:\/\/[\d.:]+)(?:\/setup\?key=(\S+))?\n/);
    return {
      url,
      setupLink: key && `${url}/setup?key=${key}`,
      people: people(program.output),
      platform: { os: OS, arch: ARCH },
      /** The demo's token for one agent. */
      get token() {
        return readFileSync(join(folder, 'data', 'demo-token'), 'utf8').trim();
      },
      get output() {
        return program.output;
      },
      stop,
    };
  } catch (error) {
    await program.kill();
    remove();
    throw error;
  }
}

/** The people whom the demo printed, by role: `{ admin, technician, auditor, owner, contact }`. */
function people(output) {
  const rows = [...output.matchAll(/^ {2}(\S.*?) {2,}(\S+@\S+) {2,}(\S+) {2,}(.+)$/gm)];
  const found = rows.map(([, role, email, oneTimePassword, reach]) => {
    const name = email.split('@')[0];
    return [name, { role, email, oneTimePassword, reach: reach.trim(), password: `a sentence for the ${name}` }];
  });
  return Object.fromEntries(found);
}
