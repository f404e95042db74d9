//! The real server on a free port, with data of its own.

import { mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { AGENT, SERVER, SITE, UPDATER, plainEnvironment, temporaryFolder } from './paths.mjs';
import { Program } from './program.mjs';

const OS = { linux: 'linux', darwin: 'macos', win32: 'windows' }[process.platform];
const ARCH = { x64: 'x86_64', arm64: 'aarch64' }[process.arch];

/** What the server prints once it serves: where it is, or the link to make the first admin. */
const WELCOME = /(?:Reeve is at |\n {2})(http:\/\/[\w.:]+)(?:\/setup\?key=(\S+))?\n/;

/**
 * Starts `reeve serve`; with `demo` the sample MSP is there, with its people and a token for an agent. With `byNumber` it
 * is reached by its address instead of as localhost: browsers make passkeys for names alone. With `testMode` it says so.
 */
export async function startServer({ demo = false, byNumber = false, testMode = false } = {}) {
  const { folder, remove } = temporaryFolder('server');
  const agents = join(folder, 'agents');
  mkdirSync(agents);
  for (const [file, name] of [
    [AGENT, 'reeve-agent'],
    [UPDATER, 'reeve-updater'],
  ]) {
    symlinkSync(file, join(agents, `${name}-${OS}-${ARCH}`));
  }
  const args = ['serve', '--data-dir', join(folder, 'data'), '--agents-dir', agents, '--site-root', SITE];
  if (demo) args.push('--demo');
  if (testMode) args.push('--test-mode');
  const run = (address) => {
    const options = { cwd: folder, env: plainEnvironment({ REEVE_LOG: 'info' }) };
    return new Program('the server', SERVER, [...args, '--listen', address], options);
  };
  const end = async () => {
    const code = await program.stop();
    if (code !== 0) throw new Error(`the server ended with ${code}\n${program.output.slice(-4000)}`);
  };
  const port = byNumber ? await freePort() : 0;
  if (byNumber) args.push('--public-url', `http://127.0.0.1:${port}`);
  const listen = `127.0.0.1:${port}`;
  let program = run(listen);
  try {
    const [, url, key] = await program.says(WELCOME);
    return {
      url,
      setupLink: key && `${url}/setup?key=${key}`,
      people: people(program.output),
      database: join(folder, 'data', 'reeve.db'),
      platform: { os: OS, arch: ARCH },
      /** The demo's token for one agent. */
      get token() {
        return readFileSync(join(folder, 'data', 'demo-token'), 'utf8').trim();
      },
      /** Ends it in order; [`again`] lets it run at the same address as before. */
      pause: end,
      async again() {
        program = run(`127.0.0.1:${new URL(url).port}`);
        await program.says(WELCOME);
      },
      async stop() {
        try {
          await end();
        } finally {
          remove();
        }
      },
    };
  } catch (error) {
    await program.kill();
    remove();
    throw error;
  }
}

/** A port that was free a moment ago. */
function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer().on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
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
