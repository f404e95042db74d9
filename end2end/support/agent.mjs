//! The real agent, registered and running, with data of its own.

import { chmodSync, copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as rest } from 'node:timers/promises';
import { leftover } from './leftover.mjs';
import { AGENT, UPDATER, plainEnvironment, temporaryFolder } from './paths.mjs';
import { Program } from './program.mjs';

/** Registers this machine with a token, given on standard input as people should, and lets the agent run. */
export async function startAgent(server, token, more = {}) {
  const { folder, remove } = temporaryFolder('agent');
  const data = join(folder, 'data');
  const options = { cwd: folder, env: plainEnvironment({ RUST_LOG: 'info', ...more }) };
  try {
    const register = ['--data-dir', data, 'register', '--server', server.url, '--token-file', '-'];
    await new Program('reeve-agent register', AGENT, register, { ...options, input: token }).succeed();
  } catch (error) {
    remove();
    throw error;
  }
  const run = () => new Program('reeve-agent run', AGENT, ['--data-dir', data, 'run'], options);
  let program = run();
  return {
    /** Its protected folder. */
    data,
    get output() {
      return program.output;
    },
    get isRunning() {
      return program.isRunning;
    },
    /** What `reeve-agent status` says. */
    async status() {
      const asked = new Program('reeve-agent status', AGENT, ['--data-dir', data, 'status', '--json'], options);
      return JSON.parse(await asked.succeed());
    },
    /** `reeve-agent lock` with these words. */
    async lock(...words) {
      await new Program('reeve-agent lock', AGENT, ['--data-dir', data, 'lock', ...words], options).succeed();
    },
    /** Ends it in order, and starts it again. */
    async restart() {
      await program.stop();
      program = run();
    },
    async pause() {
      await program.stop();
    },
    async resume() {
      program = run();
    },
    async stop() {
      try {
        await program.stop();
      } finally {
        remove();
      }
    },
  };
}

/** What is asked of a build on trial, in seconds where it usually is minutes. */
const TERMS = { alive_ms: 4000, receipt_every_ms: 1000, reach_ms: 4000, control_every_ms: 1000, probe_every_ms: 1000, spare_bytes: 1 };

/** Installs a build of the agent, registers this machine with it, and lets the supervisor run it. */
export async function startSupervised(server, token, build) {
  const { folder, remove } = temporaryFolder('supervised');
  const [data, agent, terms] = ['data', 'reeve-agent', 'terms.json'].map((name) => join(folder, name));
  copyFileSync(build, agent);
  chmodSync(agent, 0o755);
  writeFileSync(terms, JSON.stringify(TERMS), { mode: 0o600 });
  const options = { cwd: folder, env: plainEnvironment() };
  try {
    const register = ['--data-dir', data, 'register', '--server', server.url, '--token-file', '-'];
    await new Program('reeve-agent register', agent, register, { ...options, input: token }).succeed();
  } catch (error) {
    remove();
    throw error;
  }
  const run = ['run', '--agent', agent, '--data-dir', data, '--terms', terms, '--', '--data-dir', data];
  const program = new Program('reeve-updater run', UPDATER, run, options);
  return {
    /** What the supervisor said. */
    get output() {
      return program.output;
    },
    async stop() {
      try {
        await program.stop();
      } finally {
        remove();
      }
    },
  };
}

/**
 * Runs the line that people are shown, piped into a shell as they do it, but with folders of the test's own and
 * without becoming root; the agent then runs on its own.
 */
export async function installAgent(line) {
  const { folder, remove } = temporaryFolder('installed');
  const data = join(folder, 'data');
  const env = plainEnvironment({ REEVE_PREFIX: join(folder, 'bin'), REEVE_DATA_DIR: data, REEVE_SERVICE: 'none' });
  let pid;
  let isOver;
  try {
    const command = ['-c', line.replace(/sudo (--\S+ )*/, '')];
    const install = new Program('install.sh', 'sh', command, { cwd: folder, env });
    await install.succeed(120_000);
    pid = Number(readFileSync(join(data, 'updater.pid'), 'utf8'));
    isOver = leftover(() => process.kill(pid, 'SIGTERM'));
  } catch (error) {
    remove();
    throw error;
  }
  return {
    async stop() {
      process.kill(pid, 'SIGTERM');
      const deadline = Date.now() + 15_000;
      while (isThere(pid)) {
        if (Date.now() > deadline) throw new Error(`the installed agent (pid ${pid}) did not stop`);
        await rest(100);
      }
      isOver();
      remove();
    },
  };
}

function isThere(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
